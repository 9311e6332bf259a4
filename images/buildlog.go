package images

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// A buildLog follows a build by what the engine says of it, and keeps no more than explains a failure.
type buildLog struct {
	progress func(string)
	step     string   // that runs or has failed: "step 2/3, RUN make"
	partial  string   // a line that has not ended
	last     []string // the last lines of the step's output

	steps map[string]string   // of BuildKit: what each step is, by its digest
	lasts map[string][]string // of BuildKit, whose steps run at once: last of each
}

// take takes one message.
func (b *buildLog) take(m message) {
	if m.ID == "moby.buildkit.trace" {
		var trace []byte // base64 in JSON
		if json.Unmarshal(m.Aux, &trace) == nil {
			b.takeTrace(trace)
		}
		return
	}
	b.partial += m.Stream
	for {
		line, rest, found := strings.Cut(b.partial, "\n")
		if !found {
			return
		}
		b.partial = rest
		b.takeLine(line)
	}
}

var (
	// stepLine is how the first builder begins a step.
	stepLine = regexp.MustCompile(`^Step (\d+/\d+) : (.*)$`)

	// chatter is what it says besides.
	chatter = regexp.MustCompile(`^( ---> |Removing intermediate container |Successfully (built|tagged) )`)
)

func (b *buildLog) takeLine(line string) {
	line = escapes.ReplaceAllString(line, "") // also before what the builder says itself
	if m := stepLine.FindStringSubmatch(line); m != nil {
		b.begin(m[1], m[2])
		b.last = nil
	} else if !chatter.MatchString(line) {
		b.last = keep(b.last, line)
	}
}

// begin notes and tells of a step.
func (b *buildLog) begin(number, instruction string) {
	b.step = "step " + number + ", " + clip(instruction, 100)
	b.progress("step " + number + ": " + clip(instruction, 60))
}

// escapes are what the first builder and programs that think they have a terminal put into lines.
var escapes = regexp.MustCompile(`\x1b\[[0-9;?]*[A-Za-z]`)

// keep adds a line to the last lines of an output.
func keep(last []string, line string) []string {
	const most = 5
	line = escapes.ReplaceAllString(line, "")
	line = line[strings.LastIndex(strings.TrimRight(line, "\r"), "\r")+1:] // what a terminal would show in the end
	if line = strings.TrimSpace(line); line == "" {
		return last
	}
	if last = append(last, clip(line, 200)); len(last) > most {
		last = last[1:]
	}
	return last
}

// clip shortens a text to some characters, and to one line.
func clip(text string, most int) string {
	runes := []rune(strings.Join(strings.Fields(strings.ToValidUTF8(text, "?")), " "))
	if len(runes) > most {
		return string(runes[:most-3]) + "..."
	}
	return string(runes)
}

// why explains a failure by the step and its last lines.
func (b *buildLog) why(err error) error {
	if b.partial != "" {
		b.takeLine(b.partial)
		b.partial = ""
	}
	lines := strings.Join(b.last, "\n")
	if said, ok := errors.AsType[*engineError](err); ok {
		said.message = clip(said.message, 300) // it repeats the whole instruction
		if said.code != 0 {
			said.message = fmt.Sprintf("exit code %d", said.code)
		}
	}
	if lines == "" {
		return fmt.Errorf("%s: %w", b.step, err)
	}
	return fmt.Errorf("%s: %w\n%s", b.step, err, lines)
}
