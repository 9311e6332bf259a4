"""Takes lines from the TLS clients that it has verified, prints them, and sends them back."""

import argparse
import socket
import struct
import sys
import threading

from OpenSSL import SSL, crypto

PORT = 12345
IDLE_SECONDS = 20
MAX_LINE = 64 * 1024


def note(connection, certificate, error, depth, ok):
    """Keeps the reason of a refusal. OpenSSL decides: to return True here would be to accept anybody."""
    if not ok:
        connection.set_app_data(f"verify error {error} at depth {depth}")
    return bool(ok)


def new_context(args):
    context = SSL.Context(SSL.TLS_METHOD)
    context.set_min_proto_version(SSL.TLS1_2_VERSION)
    context.use_certificate_chain_file(args.cert)
    context.use_privatekey_file(args.key)
    context.load_verify_locations(args.ca)
    context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, note)
    if args.crl:
        context.load_verify_locations(args.crl)
        context.get_cert_store().set_flags(crypto.X509StoreFlags.CRL_CHECK | crypto.X509StoreFlags.CRL_CHECK_ALL)
    # The certificate of a session that is resumed would not be checked again.
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    context.set_options(SSL.OP_NO_TICKET)
    return context


def take(connection, line):
    print(f"Received: {line.decode(errors='backslashreplace')}\n", end="", flush=True)
    connection.sendall(line + b"\n")


def converse(connection):
    rest = b""
    while len(rest) <= MAX_LINE:
        try:
            rest += connection.recv(4096)
        except SSL.ZeroReturnError:  # close_notify: nothing was cut off
            if rest:
                take(connection, rest)
            connection.shutdown()
            return
        *lines, rest = rest.split(b"\n")
        for line in lines:
            take(connection, line)
    print(f"broken: a line of more than {MAX_LINE} bytes", file=sys.stderr)


def serve(context, sock):
    # Set on a socket that blocks: a Python timeout would make it one that does not, which pyOpenSSL leaves to us.
    limit = struct.pack("ll", IDLE_SECONDS, 0)
    connection = SSL.Connection(context, sock)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, limit)
        connection.set_accept_state()
        connection.do_handshake()
        converse(connection)
    except (SSL.WantReadError, SSL.WantWriteError):
        print("time limit", file=sys.stderr)
    except (SSL.Error, OSError) as err:  # refused, reset, or gone without a word
        print("refused or broken:", connection.get_app_data() or repr(err), file=sys.stderr)
    finally:
        sock.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("--ca", "--cert", "--key"):
        parser.add_argument(name, required=True)
    parser.add_argument("--crl", help="revocation lists; nothing is checked if empty")
    context = new_context(parser.parse_args())
    with socket.create_server(("", PORT), backlog=64) as listener:
        while True:
            sock, _ = listener.accept()
            threading.Thread(target=serve, args=(context, sock), daemon=True).start()


main()
