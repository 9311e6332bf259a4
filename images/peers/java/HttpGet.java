import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.security.NoSuchAlgorithmException;
import java.util.Collections;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSession;

/**
 * Prints what java.net.http's HttpClient is answered. Keys and trust are system properties, of which the default context is made
 * once.
 *
 * <p>usage: HttpGet URI; HttpGet PREFIX stay, which asks for each line of its input, put after the prefix; or HttpGet
 * --persistent_worker, which asks again and again as if it were the first time.
 */
public class HttpGet {
    private static final HttpClient client = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();

    public static void main(String[] args) throws IOException {
        if (args[0].equals("--persistent_worker")) {
            Worker.serve(HttpGet::askAnew);
        } else if (args.length == 1) {
            var came = ask(args[0]);
            System.out.println(came.output());
            System.exit(came.exitCode());
        } else {
            var lines = new BufferedReader(new InputStreamReader(System.in));
            for (var line = lines.readLine(); line != null; line = lines.readLine()) {
                System.out.println(ask(args[0] + line).output());
            }
        }
    }

    private static Worker.Outcome ask(String uri) {
        try {
            var answer = client.send(HttpRequest.newBuilder(URI.create(uri)).build(), HttpResponse.BodyHandlers.ofString());
            return answer.statusCode() == 200
                    ? new Worker.Outcome(0, answer.body())
                    : new Worker.Outcome(1, "HttpGet: status " + answer.statusCode());
        } catch (IOException | InterruptedException e) {
            return new Worker.Outcome(1, "HttpGet: " + e);
        }
    }

    private static Worker.Outcome askAnew(String[] args) {
        var came = ask(args[0]);
        try {
            var sessions = SSLContext.getDefault().getClientSessionContext();
            Collections.list(sessions.getIds()).forEach(id -> forget(sessions.getSession(id)));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e); // it was there a moment ago
        }
        return came;
    }

    private static void forget(SSLSession session) {
        if (session != null) { // it may be over
            session.invalidate();
        }
    }
}
