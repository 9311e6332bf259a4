import com.google.gson.Gson;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.util.function.Function;

import static java.nio.charset.StandardCharsets.UTF_8;

/** Does something again and again in one JVM, asked as Bazel's persistent workers are in JSON: a line each. */
final class Worker {
    private record Asked(String[] arguments, int requestId) {}

    private record Answered(int exitCode, String output, int requestId) {}

    private Worker() {}

    /** What is done says what went wrong; nothing if nothing did. */
    static void serve(Function<String[], String> done) throws IOException {
        var gson = new Gson();
        var lines = new BufferedReader(new InputStreamReader(System.in, UTF_8));
        for (var line = lines.readLine(); line != null; line = lines.readLine()) {
            var asked = gson.fromJson(line, Asked.class);
            var wrong = carriedOut(done, asked.arguments());
            System.out.println(gson.toJson(new Answered(wrong.isEmpty() ? 0 : 1, wrong, asked.requestId())));
        }
    }

    private static String carriedOut(Function<String[], String> done, String[] arguments) {
        try {
            return done.apply(arguments);
        } catch (RuntimeException e) { // of one run, and not of the next
            return e.toString();
        }
    }
}
