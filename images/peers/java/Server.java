import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.net.Socket;
import javax.net.ssl.SSLServerSocket;
import javax.net.ssl.SSLServerSocketFactory;

import static java.nio.charset.StandardCharsets.UTF_8;

/** Takes lines from verified TLS clients, prints them, and sends them back. Keys and trust are system properties. */
public final class Server {
    private static final int IDLE_MILLIS = 20_000;

    public static void main(String[] args) throws IOException {
        int port = Integer.parseInt(args[0]);
        var factory = SSLServerSocketFactory.getDefault();
        try (var listener = (SSLServerSocket) factory.createServerSocket(port, 64)) {
            listener.setNeedClientAuth(true);
            while (true) {
                Socket socket = listener.accept();
                var thread = new Thread(() -> serve(socket));
                thread.setDaemon(true);
                thread.start();
            }
        }
    }

    private static void serve(Socket socket) {
        try (socket) {
            socket.setSoTimeout(IDLE_MILLIS);
            var in = new BufferedReader(new InputStreamReader(socket.getInputStream(), UTF_8));
            OutputStream out = socket.getOutputStream();
            for (String line = in.readLine(); line != null; line = in.readLine()) {
                System.out.println("Received: " + line);
                out.write((line + "\n").getBytes(UTF_8));
            }
        } catch (IOException e) { // refused, reset, or silent for too long
            System.err.println("refused or broken: " + e);
        }
    }
}
