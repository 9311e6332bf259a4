package images

import (
	"encoding/json"
	"io"
	"io/fs"
)

// Bases shows tests what a context starts from.
func Bases(files fs.FS) ([]string, error) { return basesOf(files) }

// Pack shows tests the archive of a context.
func Pack(w io.Writer, files fs.FS) error { return pack(w, files) }

// ExplainBuild feeds a build's output to the log and returns the error made of a failure, in its parts.
func ExplainBuild(outputs, traces [][]byte, failed error) (step string, lines []string, err error) {
	b := buildLog{progress: func(string) {}}
	for _, output := range outputs {
		b.take(message{Stream: string(output)})
	}
	for _, trace := range traces {
		aux, err := json.Marshal(trace)
		if err != nil {
			return "", nil, err
		}
		b.take(message{ID: "moby.buildkit.trace", Aux: aux})
	}
	err = b.why(failed)
	return b.step, b.last, err
}
