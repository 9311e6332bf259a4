import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.InputStreamReader;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SNIHostName;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManagerFactory;

import static java.nio.charset.StandardCharsets.UTF_8;

/**
 * Sends one line to a verified TLS server and waits for it to come back.
 *
 * <p>usage: Client KEYSTORE TRUSTSTORE PASSWORD VERSIONS HOST PORT LINE, or Client --persistent_worker, which does so again and
 * again, each time with a context of its own.
 */
public final class Client {
    public static void main(String[] args) throws IOException {
        if (args[0].equals("--persistent_worker")) {
            Worker.serve(Client::call);
            return;
        }
        var came = call(args);
        System.err.print(came.output());
        System.exit(came.exitCode());
    }

    private static Worker.Outcome call(String[] args) {
        try {
            exchange(context(args[0], args[1], args[2]), args[3], args[4], Integer.parseInt(args[5]), args[6]);
            return new Worker.Outcome(0, "");
        } catch (IOException | GeneralSecurityException e) {
            return new Worker.Outcome(1, "client: " + e + "\n");
        }
    }

    private static SSLContext context(String keys, String trust, String password)
            throws IOException, GeneralSecurityException {
        var ours = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
        ours.init(KeyStore.getInstance(new File(keys), password.toCharArray()), password.toCharArray());
        var theirs = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        theirs.init(KeyStore.getInstance(new File(trust), password.toCharArray()));
        var context = SSLContext.getInstance("TLS");
        context.init(ours.getKeyManagers(), theirs.getTrustManagers(), null);
        return context;
    }

    private static void exchange(SSLContext context, String versions, String host, int port, String message)
            throws IOException {
        try (var socket = (SSLSocket) context.getSocketFactory().createSocket(host, port)) {
            var parameters = socket.getSSLParameters();
            // JSSE checks the chain of its own accord, and the name only if told to.
            parameters.setEndpointIdentificationAlgorithm("HTTPS");
            // Nor does it say whom it calls where the name has no dot.
            parameters.setServerNames(List.of(new SNIHostName(host)));
            parameters.setProtocols(versions.split(","));
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
