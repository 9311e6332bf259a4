"""Takes lines from the TLS clients that it has verified, prints them, and sends them back."""

import argparse
import socket
import ssl
import sys
import threading

PORT = 12345
IDLE_SECONDS = 20
MAX_LINE = 64 * 1024


def new_context(args):
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(args.cert, args.key)
    context.load_verify_locations(args.ca)
    context.verify_mode = ssl.CERT_REQUIRED
    if args.crl:
        context.load_verify_locations(args.crl)
        context.verify_flags |= ssl.VERIFY_CRL_CHECK_CHAIN
    return context


def serve(context, sock):
    try:
        sock.settimeout(IDLE_SECONDS)
        with context.wrap_socket(sock, server_side=True) as connection:
            lines = connection.makefile("rwb")
            # By default the ssl module takes any end for a clean one, so a line without its newline may be cut off.
            while (line := lines.readline(MAX_LINE)).endswith(b"\n"):
                text = line.rstrip(b"\r\n").decode(errors="backslashreplace")
                print(f"Received: {text}\n", end="", flush=True)
                lines.write(line)
                lines.flush()
            if line:
                print(f"broken: a line that was cut off, or of {MAX_LINE} bytes or more", file=sys.stderr)
            connection.unwrap()
    except OSError as err:  # refused, reset, silent for too long, or gone without a word
        print("refused or broken:", err, file=sys.stderr)
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
