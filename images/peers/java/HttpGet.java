import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;

/**
 * Prints what java.net.http's HttpClient is answered; keys and trust are system properties. With a second word it stays,
 * and asks for each line of its input.
 */
public class HttpGet {
    private static final HttpClient client = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();

    public static void main(String[] args) throws Exception {
        if (args.length == 1) {
            ask(args[0]);
            System.exit(0);
        }
        var lines = new BufferedReader(new InputStreamReader(System.in));
        for (var line = lines.readLine(); line != null; line = lines.readLine()) {
            try {
                ask(args[0] + line);
            } catch (IOException err) {
                System.out.println("HttpGet: " + err);
            }
        }
    }

    private static void ask(String uri) throws Exception {
        var answer = client.send(HttpRequest.newBuilder(URI.create(uri)).build(), HttpResponse.BodyHandlers.ofString());
        if (answer.statusCode() != 200) {
            throw new IOException("status " + answer.statusCode());
        }
        System.out.println(answer.body());
    }
}
