import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import javax.net.ssl.SNIHostName;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.SSLSocketFactory;

import static java.nio.charset.StandardCharsets.UTF_8;

/** Sends one line to a verified TLS server and waits for it to come back. Keys and trust are system properties. */
public final class Client {
    public static void main(String[] args) {
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
            if (!acknowledges(in.readLine(), message)) {
                throw new IOException("the answer is neither the message nor a receipt for it");
            }
        }
    }

    /** An answer is the message itself, or a receipt with its SHA-256. */
    private static boolean acknowledges(String answer, String message) {
        if (answer == null || answer.equals(message)) {
            return answer != null;
        }
        try {
            var digest = MessageDigest.getInstance("SHA-256").digest(message.getBytes(UTF_8));
            return answer.contains(HexFormat.of().formatHex(digest));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e); // every Java has it
        }
    }
}
