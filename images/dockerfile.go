package images

import (
	"encoding/json"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// known is how an error names what a Dockerfile may say.
const known = "FROM scratch, COPY, USER, EXPOSE, ENTRYPOINT, LABEL"

// epoch is the time that everything in an image carries.
var epoch = time.Unix(0, 0).UTC()

// A dockerfile is what a Dockerfile for one static binary says.
type dockerfile struct {
	binary  string // what the build context calls the binary
	path    string // where the image has it, absolute
	config  ocispec.ImageConfig
	history []ocispec.History
}

// An instruction is one logical line, its continuations joined.
type instruction struct {
	line int // where it begins, from 1
	verb string
	rest string
}

// parseDockerfile reads a Dockerfile; name is what errors call it. It refuses what it does not understand, and an image
// that has no program or would run as root.
func parseDockerfile(name, text string) (dockerfile, error) {
	d := dockerfile{config: ocispec.ImageConfig{ExposedPorts: map[string]struct{}{}, Labels: map[string]string{}}}
	instructions, err := split(text)
	if err != nil {
		return dockerfile{}, fmt.Errorf("%s:%w", name, err)
	}
	seen := map[string]bool{}
	for i, in := range instructions {
		if (in.verb == "FROM") != (i == 0) {
			return dockerfile{}, fmt.Errorf("%s:%d: FROM scratch must come first, and once", name, in.line)
		}
		if repeatable := in.verb == "LABEL" || in.verb == "EXPOSE"; seen[in.verb] && !repeatable {
			return dockerfile{}, fmt.Errorf("%s:%d: a second %s", name, in.line, in.verb)
		}
		seen[in.verb] = true
		if err := d.apply(in); err != nil {
			return dockerfile{}, fmt.Errorf("%s:%d: %w", name, in.line, err)
		}
	}
	for _, verb := range []string{"FROM", "COPY", "ENTRYPOINT", "USER"} {
		if !seen[verb] {
			return dockerfile{}, fmt.Errorf("%s:%d: the file ends without %s", name, strings.Count(text, "\n")+1, verb)
		}
	}
	return d, nil
}

// directive is a comment that changes how Docker reads the rest of the file.
var directive = regexp.MustCompile(`(?i)^#[ \t]*(escape|syntax|check)[ \t]*=`)

// split joins continued lines and drops comments. Its errors begin with the number of the line.
func split(text string) ([]instruction, error) {
	var all []instruction
	var joined string
	start := 0 // the line that joined began on, or 0 between instructions
	for i, line := range strings.Split(text, "\n") {
		line = strings.Trim(line, " \t\r")
		if directive.MatchString(line) {
			return nil, fmt.Errorf("%d: parser directives are not understood", i+1)
		}
		if line == "" || line[0] == '#' {
			continue
		}
		if start == 0 {
			start = i + 1
		}
		body, continued := strings.CutSuffix(line, `\`)
		joined += body
		if continued {
			joined += " "
			continue
		}
		if at := strings.IndexAny(joined, "\\$'`"); at >= 0 {
			return nil, fmt.Errorf("%d: %q is not understood: no escapes, no variables, no single quotes", start, joined[at])
		}
		verb, rest, _ := strings.Cut(strings.TrimSpace(strings.ReplaceAll(joined, "\t", " ")), " ")
		all = append(all, instruction{line: start, verb: strings.ToUpper(verb), rest: strings.TrimSpace(rest)})
		joined, start = "", 0
	}
	if start != 0 {
		return nil, fmt.Errorf("%d: the file ends in a continued line", start)
	}
	return all, nil
}

// apply carries out one instruction.
func (d *dockerfile) apply(in instruction) error {
	var err error
	switch in.verb {
	case "FROM":
		if in.rest != "scratch" {
			return fmt.Errorf("FROM %s: only FROM scratch is understood", in.rest)
		}
		return nil
	case "COPY":
		err = d.copy(strings.Fields(in.rest))
	case "USER":
		err = d.user(in.rest)
	case "EXPOSE":
		err = d.expose(strings.Fields(in.rest))
	case "ENTRYPOINT":
		err = d.entrypoint(in.rest)
	case "LABEL":
		err = d.label(in.rest)
	default:
		return fmt.Errorf("%q is not understood: only %s are", in.verb, known)
	}
	d.history = append(d.history, ocispec.History{
		Created: &epoch, CreatedBy: in.verb + " " + in.rest, EmptyLayer: in.verb != "COPY",
	})
	return err
}

var plainName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)

func (d *dockerfile) copy(words []string) error {
	if len(words) != 2 || !plainName.MatchString(words[0]) {
		return fmt.Errorf("COPY takes one file of the context and its path, and no options")
	}
	if dir, base := path.Split(words[1]); dir != "/" || !plainName.MatchString(base) {
		return fmt.Errorf("COPY to %s: the path must be a file in the root directory", words[1])
	}
	d.binary, d.path = words[0], words[1]
	return nil
}

var numericUser = regexp.MustCompile(`^[0-9]+:[0-9]+$`)

func (d *dockerfile) user(user string) error {
	if !numericUser.MatchString(user) {
		return fmt.Errorf("USER %s: must be uid:gid in numbers, for an image from scratch has no /etc/passwd", user)
	}
	if uid, _, _ := strings.Cut(user, ":"); strings.Trim(uid, "0") == "" {
		return fmt.Errorf("USER %s: must not be root", user)
	}
	d.config.User = user
	return nil
}

func (d *dockerfile) expose(ports []string) error {
	if len(ports) == 0 {
		return fmt.Errorf("EXPOSE takes at least one port")
	}
	for _, port := range ports {
		number, protocol, found := strings.Cut(port, "/")
		if !found {
			protocol = "tcp"
		}
		n, err := strconv.ParseUint(number, 10, 16)
		if err != nil || n == 0 || !slices.Contains([]string{"tcp", "udp", "sctp"}, protocol) {
			return fmt.Errorf("EXPOSE %s: must be a port from 1 to 65535, with /tcp, /udp, /sctp or nothing behind it", port)
		}
		d.config.ExposedPorts[strconv.FormatUint(n, 10)+"/"+protocol] = struct{}{}
	}
	return nil
}

func (d *dockerfile) entrypoint(rest string) error {
	var arguments []string
	if err := json.Unmarshal([]byte(rest), &arguments); err != nil || len(arguments) == 0 {
		return fmt.Errorf("ENTRYPOINT %s: must be a JSON array of strings, for an image from scratch has no shell", rest)
	}
	d.config.Entrypoint = arguments
	return nil
}

// label matches one key="value" or key=value at the beginning of a line.
var label = regexp.MustCompile(`^([A-Za-z0-9][A-Za-z0-9._-]*)=(?:"([^"]*)"|([^\s"]+))(?:\s+|$)`)

func (d *dockerfile) label(rest string) error {
	if rest == "" {
		return fmt.Errorf(`LABEL takes at least one key="value"`)
	}
	for rest != "" {
		m := label.FindStringSubmatch(rest)
		if m == nil {
			return fmt.Errorf(`LABEL %s: must be key="value"`, rest)
		}
		d.config.Labels[m[1]] = m[2] + m[3]
		rest = rest[len(m[0]):]
	}
	return nil
}
