import com.google.gson.Gson;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.util.function.Function;

import static java.nio.charset.StandardCharsets.UTF_8;

/** Does something again and again in one JVM, asked as Bazel's persistent workers are in JSON: a line each. */
final class Worker {
    /** What came of one run: its exit code, and what it said. */
    record Outcome(int exitCode, String output) {}

    private record Asked(String[] arguments, int requestId) {}

    private record Answered(int exitCode, String output, int requestId) {}

    private Worker() {}

    static void serve(Function<String[], Outcome> run) throws IOException {
        var gson = new Gson();
        var lines = new BufferedReader(new InputStreamReader(System.in, UTF_8));
        for (var line = lines.readLine(); line != null; line = lines.readLine()) {
            var asked = gson.fromJson(line, Asked.class);
            var came = carriedOut(run, asked.arguments());
            System.out.println(gson.toJson(new Answered(came.exitCode(), came.output(), asked.requestId())));
        }
    }

    private static Outcome carriedOut(Function<String[], Outcome> run, String[] arguments) {
        try {
            return run.apply(arguments);
        } catch (RuntimeException e) { // of one run, and not of the next
            return new Outcome(1, e.toString());
        }
    }
}
