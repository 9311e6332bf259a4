// Package strictyaml reads the files that people write for mtlslab, adapters and
// waivers, and takes nothing in them that it does not understand: a file that is
// misread makes a good peer look bad, or worse, a bad one good. Every fault has
// its file, line and key, those that are found later too.
//
// It is not a way to write YAML, nor to read what programs write: anchors,
// aliases, merge keys and a second document are faults here.
package strictyaml

import (
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/mtlslab/mtlslab/lab/wire"
)

// maxFile bounds a file, in bytes.
const maxFile = 1 << 20

// ErrEmpty is of a file that says nothing.
var ErrEmpty = errors.New("empty")

// Error is a fault in a file, and where it is.
type Error struct {
	File string
	Line int    // from 1; 0 if the fault is the file's as a whole
	Key  string // "delivered.status", "waivers[0].case"; empty if the fault is no one key's
	Err  error
}

func (e *Error) Error() string {
	where := e.File
	if e.Line > 0 {
		where = fmt.Sprintf("%s:%d", e.File, e.Line)
	}
	if e.Key != "" {
		where += ": " + e.Key
	}
	return wire.Printable(where + ": " + e.Err.Error())
}

func (e *Error) Unwrap() error { return e.Err }

// Source is the file that something was read from, for what is found wrong with
// it later. That of something that was read from no file is zero.
type Source struct {
	File  string
	lines map[string]int // by key
}

// Line is that of a key, or of what the key is part of if it is not in the file; 0
// if nothing was read.
func (s Source) Line(key string) int {
	for {
		line, ok := s.lines[key]
		if ok || key == "" {
			return line
		}
		key = key[:max(0, strings.LastIndexAny(key, ".["))]
	}
}

// Fault is one of that key.
func (s Source) Fault(key string, err error) *Error {
	return &Error{File: s.File, Line: s.Line(key), Key: key, Err: err}
}

// Read reads the one document of the file of that name into a struct, whose fields
// have their keys in tags, `yaml:"key"`. A field is a text, a whole number, a bool, a
// struct, or a list, map or pointer of such. A text is taken as it is written: 1.2
// is "1.2". What Read does not understand is an *Error.
func Read(name string, r io.Reader, into any) (Source, error) {
	s := Source{File: name, lines: make(map[string]int)}
	content, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	switch {
	case err != nil:
		return s, s.Fault("", err)
	case len(content) > maxFile:
		return s, s.Fault("", fmt.Errorf("more than %d bytes", maxFile))
	}
	decoder := yaml.NewDecoder(strings.NewReader(string(content)))
	var document, second yaml.Node
	if err := decoder.Decode(&document); errors.Is(err, io.EOF) || err == nil && len(document.Content) == 0 {
		return s, s.Fault("", ErrEmpty)
	} else if err != nil {
		return s, s.Fault("", err)
	}
	if err := decoder.Decode(&second); err == nil {
		return s, s.fault(&second, "", "want one document")
	} else if !errors.Is(err, io.EOF) {
		return s, s.Fault("", err)
	}
	return s, s.into(document.Content[0], reflect.ValueOf(into).Elem(), "")
}

func (s Source) fault(node *yaml.Node, key, format string, args ...any) error {
	return &Error{File: s.File, Line: node.Line, Key: key, Err: fmt.Errorf(format, args...)}
}

// into decodes by hand, because a decoder of structs gives no line for a key
// that is unknown and speaks of Go's types.
func (s Source) into(node *yaml.Node, value reflect.Value, key string) error {
	if _, ok := s.lines[key]; !ok {
		s.lines[key] = node.Line // of an element of a list, or of the whole
	}
	if node.Kind == yaml.AliasNode || node.Anchor != "" {
		return s.fault(node, key, "no anchors and aliases here")
	}
	switch value.Kind() {
	case reflect.Pointer:
		value.Set(reflect.New(value.Type().Elem()))
		return s.into(node, value.Elem(), key)
	case reflect.Struct:
		return s.intoStruct(node, value, key)
	case reflect.Map:
		return s.intoMap(node, value, key)
	case reflect.Slice:
		return s.intoList(node, value, key)
	default:
		return s.intoScalar(node, value, key)
	}
}

func (s Source) intoStruct(node *yaml.Node, value reflect.Value, key string) error {
	fields := make(map[string]int)
	var names []string
	for i := range value.NumField() {
		if name := value.Type().Field(i).Tag.Get("yaml"); name != "" {
			fields[name] = i
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return s.pairs(node, key, names, func(name, child *yaml.Node, path string) error {
		i, known := fields[name.Value]
		if !known {
			return s.fault(name, path, "no such key; choose from %s", strings.Join(names, ", "))
		}
		return s.into(child, value.Field(i), path)
	})
}

func (s Source) intoMap(node *yaml.Node, value reflect.Value, key string) error {
	value.Set(reflect.MakeMap(value.Type()))
	return s.pairs(node, key, nil, func(name, child *yaml.Node, path string) error {
		element := reflect.New(value.Type().Elem()).Elem()
		if err := s.into(child, element, path); err != nil {
			return err
		}
		value.SetMapIndex(reflect.ValueOf(name.Value), element)
		return nil
	})
}

// pairs ranges over a mapping, of which it takes each key once. The names are
// those of all keys that there can be, if they are known.
func (s Source) pairs(
	node *yaml.Node,
	key string,
	names []string,
	each func(name, child *yaml.Node, path string) error,
) error {
	if node.Kind != yaml.MappingNode {
		want := "want keys and values"
		if len(names) > 0 {
			want += ": " + strings.Join(names, ", ")
		}
		return s.fault(node, key, "%s", want)
	}
	seen := make(map[string]bool)
	for i := 0; i+1 < len(node.Content); i += 2 {
		name, child := node.Content[i], node.Content[i+1]
		path := strings.Trim(key+"."+name.Value, ".")
		if name.Kind != yaml.ScalarNode || seen[name.Value] {
			return s.fault(name, path, "want each key once, as plain text")
		}
		seen[name.Value] = true
		s.lines[path] = name.Line
		if err := each(name, child, path); err != nil {
			return err
		}
	}
	return nil
}

func (s Source) intoList(node *yaml.Node, value reflect.Value, key string) error {
	if node.Kind != yaml.SequenceNode {
		return s.fault(node, key, "want a list, such as [one, two], or [] of none")
	}
	list := reflect.MakeSlice(value.Type(), len(node.Content), len(node.Content))
	for i, child := range node.Content {
		if err := s.into(child, list.Index(i), fmt.Sprintf("%s[%d]", key, i)); err != nil {
			return err
		}
	}
	value.Set(list)
	return nil
}

func (s Source) intoScalar(node *yaml.Node, value reflect.Value, key string) error {
	if node.Kind != yaml.ScalarNode || node.Tag == "!!null" {
		return s.fault(node, key, "want a value")
	}
	switch value.Kind() {
	case reflect.Int:
		n, err := strconv.Atoi(node.Value)
		if err != nil {
			return s.fault(node, key, "want a whole number, got %q", node.Value)
		}
		value.SetInt(int64(n))
	case reflect.Bool:
		if node.Value != "true" && node.Value != "false" {
			return s.fault(node, key, "want true or false, got %q", node.Value)
		}
		value.SetBool(node.Value == "true")
	default:
		value.SetString(node.Value)
	}
	return nil
}
