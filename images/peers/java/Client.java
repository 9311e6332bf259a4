import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.util.List;
import java.util.Timer;
import java.util.TimerTask;
import javax.net.ssl.SNIHostName;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.SSLSocketFactory;

import static java.nio.charset.StandardCharsets.UTF_8;

/** Sends one line to a verified TLS server and waits for it to come back. Keys and trust are system properties. */
public final class Client {
    private static final int TOTAL_MILLIS = 8_000;

    public static void main(String[] args) {
        limitTime();
        try {
            exchange(args[0], Integer.parseInt(args[1]), args[2]);
        } catch (IOException e) {
            System.err.println("client: " + e);
            System.exit(1);
        }
        System.exit(0);
    }

    private static void exchange(String host, int port, String message) throws IOException {
        try (var socket = (SSLSocket) SSLSocketFactory.getDefault().createSocket(host, port)) {
            var parameters = socket.getSSLParameters();
            // JSSE checks the chain of its own accord, and the name only if told to.
            parameters.setEndpointIdentificationAlgorithm("HTTPS");
            // Nor does it say whom it calls where the name has no dot.
            parameters.setServerNames(List.of(new SNIHostName(host)));
            socket.setSSLParameters(parameters);
            socket.getOutputStream().write((message + "\n").getBytes(UTF_8));
            var in = new BufferedReader(new InputStreamReader(socket.getInputStream(), UTF_8));
            if (!message.equals(in.readLine())) {
                throw new IOException("the answer is not the message");
            }
        }
    }

    private static void limitTime() {
        new Timer(true).schedule(new TimerTask() {
            @Override
            public void run() {
                System.err.println("client: time limit");
                Runtime.getRuntime().halt(1);
            }
        }, TOTAL_MILLIS);
    }
}
