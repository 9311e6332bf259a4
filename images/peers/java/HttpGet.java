import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;

/** Prints what java.net.http's HttpClient is answered; keys and trust are system properties. */
public class HttpGet {
    public static void main(String[] args) throws Exception {
        var client = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
        var answer = client.send(HttpRequest.newBuilder(URI.create(args[0])).build(), HttpResponse.BodyHandlers.ofString());
        if (answer.statusCode() != 200) {
            System.err.println("HttpGet: status " + answer.statusCode());
            System.exit(1);
        }
        System.out.println(answer.body());
        System.exit(0);
    }
}
