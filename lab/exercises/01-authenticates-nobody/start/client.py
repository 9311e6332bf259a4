"""Sends a message to a server that shows a certificate of the authority. Or so it says."""
import socket
import sys

from OpenSSL import SSL

address, message = sys.argv[1:]
host, port = address.rsplit(":", 1)

context = SSL.Context(SSL.TLS_CLIENT_METHOD)
context.use_certificate_chain_file("client/tls.crt")
context.use_privatekey_file("client/tls.key")
context.load_verify_locations("client/ca.crt")
context.verify_mode = SSL.VERIFY_PEER

connection = SSL.Connection(context, socket.create_connection((host, int(port))))
connection.set_connect_state()
connection.sendall(message.encode() + b"\n")
print("Answer:", connection.recv(1024).decode())
