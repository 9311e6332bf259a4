"""Sends one line to a TLS server, and waits for it to come back. It means to verify the server, and does not."""

import argparse
import contextlib
import signal
import socket
import sys

from OpenSSL import SSL, crypto

TOTAL_SECONDS = 8
MAX_LINE = 64 * 1024
VERSIONS = {"1.2": SSL.TLS1_2_VERSION, "1.3": SSL.TLS1_3_VERSION}


class Refused(Exception):
    pass


def new_context(args):
    context = SSL.Context(SSL.TLS_METHOD)
    context.set_min_proto_version(VERSIONS.get(args.tls, SSL.TLS1_2_VERSION))
    if args.tls:
        context.set_max_proto_version(VERSIONS[args.tls])
    context.use_certificate_chain_file(args.cert)
    context.use_privatekey_file(args.key)
    context.load_verify_locations(args.ca)
    # The mistake, kept on purpose: a pyOpenSSL context has no such attribute, and verifies nothing.
    context.verify_mode = SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT
    context.get_cert_store().set_flags(crypto.X509StoreFlags.X509_STRICT)
    if args.crl:
        context.load_verify_locations(args.crl)
        context.get_cert_store().set_flags(crypto.X509StoreFlags.CRL_CHECK | crypto.X509StoreFlags.CRL_CHECK_ALL)
    return context


def read_line(connection):
    answer = b""
    while b"\n" not in answer and len(answer) <= MAX_LINE:
        answer += connection.recv(4096)
    return answer


def exchange(args):
    connection = SSL.Connection(new_context(args), socket.create_connection((args.host, args.port)))
    connection.set_tlsext_host_name(args.host.encode())
    connection.set_connect_state()
    try:
        connection.do_handshake()
        message = args.message.encode() + b"\n"
        connection.sendall(message)
        # In TLS 1.3 only an answer shows that the server took our certificate.
        if read_line(connection) != message:
            raise Refused("the answer is not the message")
    except SSL.Error as err:
        raise Refused(repr(err)) from err
    finally:
        # Says that we are done, or that we will not go on; where TLS has failed there is nobody to say it to.
        with contextlib.suppress(SSL.Error):
            connection.shutdown()


def out_of_time(signum, frame):
    raise Refused("time limit")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("--ca", "--cert", "--key"):
        parser.add_argument(name, required=True)
    parser.add_argument("--crl", help="revocation lists; nothing is checked if empty")
    parser.add_argument("--tls", choices=["", *VERSIONS], help="the only version to speak")
    for name in ("host", "port", "message"):
        parser.add_argument(name)
    signal.signal(signal.SIGALRM, out_of_time)
    signal.alarm(TOTAL_SECONDS)
    try:
        exchange(parser.parse_args())
    except (Refused, SSL.Error, OSError) as err:
        sys.exit(f"client: {err or repr(err)}")


main()
