"""Takes messages from clients that show a certificate of the authority. Or so it says."""
import socket

from OpenSSL import SSL

context = SSL.Context(SSL.TLS_SERVER_METHOD)
context.use_certificate_chain_file("server/tls.crt")
context.use_privatekey_file("server/tls.key")
context.load_verify_locations("server/ca.crt")
context.verify_mode = SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT

listener = socket.create_server(("127.0.0.1", 0))
print("Listening on %s:%d" % listener.getsockname(), flush=True)
while True:
    plain, _ = listener.accept()
    connection = SSL.Connection(context, plain)
    connection.set_accept_state()
    try:
        message = connection.recv(1024).decode()
        print("Received:", message, flush=True)
        connection.sendall(b"received\n")
        connection.shutdown()
    except SSL.Error as error:
        print("Refused:", error, flush=True)
    plain.close()
