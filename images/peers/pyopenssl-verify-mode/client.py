"""Sends one line to a TLS server, and waits for it to come back. It means to verify the server, and does not.

usage: client.py --ca=FILE --cert=FILE --key=FILE --crl=FILE --tls=VERSION --host=NAME --port=PORT --message=LINE

Without lists in --crl no revocation is checked; without --tls, 1.2 and 1.3 are spoken.
"""

import contextlib
import hashlib
import socket
import sys

from cryptography import x509
from OpenSSL import SSL, crypto

MAX_LINE = 64 * 1024
VERSIONS = {"1.2": SSL.TLS1_2_VERSION, "1.3": SSL.TLS1_3_VERSION}


class Refused(Exception):
    pass


def note(connection, certificate, error, depth, ok):
    """Keeps the reason of a refusal. OpenSSL decides: to return True here would be to accept anybody."""
    if not ok:
        connection.set_app_data(f"verify error {error} at depth {depth}")
    return bool(ok)


def new_context(args):
    context = SSL.Context(SSL.TLS_METHOD)
    context.set_min_proto_version(VERSIONS.get(args["tls"], SSL.TLS1_2_VERSION))
    if args["tls"]:
        context.set_max_proto_version(VERSIONS[args["tls"]])
    context.use_certificate_chain_file(args["cert"])
    context.use_privatekey_file(args["key"])
    context.load_verify_locations(args["ca"])
    # The mistake, kept on purpose: verify_mode is of the standard library's contexts. One of pyOpenSSL has no such
    # attribute, verifies nobody, and never calls note.
    context.verify_mode = SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT
    if args["crl"]:
        context.load_verify_locations(args["crl"])
        context.get_cert_store().set_flags(crypto.X509StoreFlags.CRL_CHECK | crypto.X509StoreFlags.CRL_CHECK_ALL)
    return context


def check_name(certificate, host):
    """OpenSSL verified the chain, but was not told whom we call. A common name is no name, and a wildcard no match."""
    try:
        san = certificate.to_cryptography().extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except (x509.ExtensionNotFound, ValueError) as err:
        raise Refused(f"the certificate has no readable name: {err}") from err
    names = san.value.get_values_for_type(x509.DNSName)
    # Only ASCII is folded: lower() turns the Kelvin sign into a k.
    if not any(name.isascii() and name.lower() == host.lower() for name in names):
        raise Refused(f"the certificate is for {names}, not for {host}")


def read_line(connection):
    answer = b""
    while b"\n" not in answer and len(answer) <= MAX_LINE:
        answer += connection.recv(4096)
    return answer


def acknowledges(answer, message):
    """An answer is the message itself, or a receipt with its SHA-256."""
    return answer == message or hashlib.sha256(message.rstrip(b"\n")).hexdigest().encode() in answer


def exchange(args):
    connection = SSL.Connection(new_context(args), socket.create_connection((args["host"], int(args["port"]))))
    connection.set_tlsext_host_name(args["host"].encode())
    connection.set_connect_state()
    try:
        connection.do_handshake()
        check_name(connection.get_peer_certificate(), args["host"])
        message = args["message"].encode() + b"\n"
        connection.sendall(message)
        # In TLS 1.3 only an answer shows that the server took our certificate.
        if not acknowledges(read_line(connection), message):
            raise Refused("the answer is neither the message nor a receipt for it")
    except SSL.Error as err:
        raise Refused(connection.get_app_data() or repr(err)) from err
    finally:
        # Says that we are done, or that we will not go on; where TLS has failed there is nobody to say it to.
        with contextlib.suppress(SSL.Error):
            connection.shutdown()


def main():
    # argparse would take longer to load than it saves: this is run hundreds of times.
    args = dict(word.removeprefix("--").split("=", 1) for word in sys.argv[1:])
    try:
        exchange(args)
    except (Refused, SSL.Error, OSError) as err:
        sys.exit(f"client: {err or repr(err)}")


main()
