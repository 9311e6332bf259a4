package lab_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// BenchmarkCompose holds the lab, clean-up included, against `up` and `down` of
// the same pair by Compose. Each iteration is a pair; medians are reported.
//
//	go test -run '^$' -bench Compose -benchtime 5x ./lab
func BenchmarkCompose(b *testing.B) {
	requireEngine(b)
	compose := composeCommand(b)
	if _, err := buildImages(b.Context(), "dev"); err != nil {
		b.Fatal(err)
	}
	labExchange(b)
	var composes, labs, ratios []float64
	for b.Loop() {
		theirs := composeExchange(b, compose)
		_, ours := labExchange(b)
		composes, labs = append(composes, ms(theirs)), append(labs, ms(ours))
		ratios = append(ratios, ms(ours)/ms(theirs))
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(median(composes), "compose-ms")
	b.ReportMetric(median(labs), "lab-and-cleanup-ms")
	b.ReportMetric(median(ratios), "lab/compose")
}

func composeExchange(b *testing.B, compose []string) time.Duration {
	began := time.Now()
	for _, step := range []string{"up --exit-code-from client client", "down --volumes"} {
		args := append(append([]string{}, compose[1:]...), "-p", "mtlslab-bench", "-f", "../compose.yaml")
		cmd := exec.Command(compose[0], append(args, strings.Fields(step)...)...)
		if out, err := cmd.CombinedOutput(); err != nil {
			b.Fatalf("%s: %v\n%s", step, err, out)
		}
	}
	return time.Since(began)
}

func composeCommand(b *testing.B) []string {
	b.Helper()
	for _, command := range [][]string{{"docker", "compose"}, {"docker-compose"}} {
		if exec.Command(command[0], append(command[1:], "version")...).Run() == nil {
			return command
		}
	}
	if os.Getenv("MTLSLAB_REQUIRE_COMPOSE") == "1" {
		b.Fatal("MTLSLAB_REQUIRE_COMPOSE=1, and there is no Compose")
	}
	b.Skip("no Compose")
	return nil
}
