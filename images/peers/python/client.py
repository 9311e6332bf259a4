"""Sends one line to the TLS server that it has verified, and waits for it to come back.

usage: client.py --ca=FILE --cert=FILE --key=FILE --crl=FILE --tls=VERSION --host=NAME --port=PORT --message=LINE

Without lists in --crl no revocation is checked; without --tls, Python's versions are spoken.
"""

import hashlib
import socket
import ssl
import sys

MAX_LINE = 64 * 1024
VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


def new_context(args):
    context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=args["ca"])
    # Both are so already; they are said because all depends on them.
    context.verify_mode = ssl.CERT_REQUIRED
    context.check_hostname = True
    if args["tls"]:
        context.minimum_version = context.maximum_version = VERSIONS[args["tls"]]
    context.load_cert_chain(args["cert"], args["key"])
    if args["crl"]:
        context.load_verify_locations(args["crl"])
        context.verify_flags |= ssl.VERIFY_CRL_CHECK_CHAIN
    return context


def acknowledges(answer, message):
    """An answer is the message itself, or a receipt with its SHA-256."""
    return answer == message or hashlib.sha256(message.rstrip(b"\n")).hexdigest().encode() in answer


def exchange(args):
    context = new_context(args)
    with socket.create_connection((args["host"], int(args["port"]))) as sock:
        with context.wrap_socket(sock, server_hostname=args["host"]) as connection:
            message = args["message"].encode() + b"\n"
            connection.sendall(message)
            # In TLS 1.3 only an answer shows that the server took our certificate.
            answer = connection.makefile("rb").readline(MAX_LINE)
            if not acknowledges(answer, message):
                raise ConnectionError("the answer is neither the message nor a receipt for it")


def main():
    # argparse would take longer to load than it saves: this is run hundreds of times.
    args = dict(word.removeprefix("--").split("=", 1) for word in sys.argv[1:])
    try:
        exchange(args)
    except OSError as err:
        sys.exit(f"client: {err}")


main()
