package adapter

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/mtlslab/mtlslab/lab/wire"
)

// Error is a fault in an adapter, and where it is.
type Error struct {
	File string
	Line int    // from 1; 0 if the fault is the file's as a whole
	Key  string // "delivered.status"; empty if the fault is no one key's
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

// maxFile bounds an adapter, in bytes.
const maxFile = 1 << 20

// where is the file that an adapter was read from, for what is found wrong with
// it later.
type where struct {
	file  string
	lines map[string]int // by key
}

// Read reads the adapter in the file of that name, and checks it. What it does
// not understand is an *Error: an adapter that is misread makes a good peer look
// bad, or worse, a bad one good.
func Read(name string, r io.Reader) (*Adapter, error) {
	content, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	switch {
	case err != nil:
		return nil, &Error{File: name, Err: err}
	case len(content) > maxFile:
		return nil, &Error{File: name, Err: fmt.Errorf("more than %d bytes", maxFile)}
	}
	decoder := yaml.NewDecoder(strings.NewReader(string(content)))
	var document, second yaml.Node
	if err := decoder.Decode(&document); errors.Is(err, io.EOF) || err == nil && len(document.Content) == 0 {
		return nil, &Error{File: name, Err: errors.New("empty; mtlslab adapter init writes one to begin with")}
	} else if err != nil {
		return nil, &Error{File: name, Err: err}
	}
	if err := decoder.Decode(&second); !errors.Is(err, io.EOF) {
		return nil, &Error{File: name, Line: second.Line, Err: errors.New("want one document")}
	}
	a := &Adapter{where: where{file: name, lines: make(map[string]int)}}
	if err := a.where.into(document.Content[0], reflect.ValueOf(a).Elem(), ""); err != nil {
		return nil, err
	}
	return a, a.Check()
}

// BuildDir is the directory of the Dockerfile, found from the adapter's own.
func (a *Adapter) BuildDir() string {
	return filepath.Join(filepath.Dir(a.where.file), filepath.FromSlash(a.Build))
}

// BuildName is what the image that Build makes is called: several adapters of one
// directory share it.
func (a *Adapter) BuildName() string {
	if name := strings.ToLower(filepath.Base(a.BuildDir())); validName.MatchString(name) {
		return name
	}
	return a.Name
}

func (w where) fault(node *yaml.Node, key, format string, args ...any) error {
	return &Error{File: w.file, Line: node.Line, Key: key, Err: fmt.Errorf(format, args...)}
}

// into decodes by hand, because a decoder of structs gives no line for a key
// that is unknown and speaks of Go's types.
func (w where) into(node *yaml.Node, value reflect.Value, key string) error {
	if _, ok := w.lines[key]; !ok {
		w.lines[key] = node.Line // of an element of a list, or of the whole
	}
	if node.Kind == yaml.AliasNode || node.Anchor != "" {
		return w.fault(node, key, "no anchors and aliases here")
	}
	switch value.Kind() {
	case reflect.Pointer:
		value.Set(reflect.New(value.Type().Elem()))
		return w.into(node, value.Elem(), key)
	case reflect.Struct:
		return w.intoStruct(node, value, key)
	case reflect.Map:
		return w.intoMap(node, value, key)
	case reflect.Slice:
		return w.intoList(node, value, key)
	default:
		return w.intoScalar(node, value, key)
	}
}

func (w where) intoStruct(node *yaml.Node, value reflect.Value, key string) error {
	fields := fieldsOf(value.Type())
	return w.pairs(node, key, func(name, child *yaml.Node, path string) error {
		i, known := fields[name.Value]
		if !known {
			names := make([]string, 0, len(fields))
			for field := range fields {
				names = append(names, field)
			}
			slices.Sort(names)
			return w.fault(name, path, "no such key; choose from %s", strings.Join(names, ", "))
		}
		return w.into(child, value.Field(i), path)
	})
}

// fieldsOf are a struct's fields by their keys.
func fieldsOf(t reflect.Type) map[string]int {
	fields := make(map[string]int)
	for i := range t.NumField() {
		if tag := t.Field(i).Tag.Get("yaml"); tag != "" {
			fields[tag] = i
		}
	}
	return fields
}

func (w where) intoMap(node *yaml.Node, value reflect.Value, key string) error {
	value.Set(reflect.MakeMap(value.Type()))
	return w.pairs(node, key, func(name, child *yaml.Node, path string) error {
		element := reflect.New(value.Type().Elem()).Elem()
		if err := w.into(child, element, path); err != nil {
			return err
		}
		value.SetMapIndex(reflect.ValueOf(name.Value), element)
		return nil
	})
}

// pairs ranges over a mapping, of which it takes each key once.
func (w where) pairs(node *yaml.Node, key string, each func(name, child *yaml.Node, path string) error) error {
	if node.Kind != yaml.MappingNode {
		return w.fault(node, key, "want keys and values")
	}
	seen := make(map[string]bool)
	for i := 0; i+1 < len(node.Content); i += 2 {
		name, child := node.Content[i], node.Content[i+1]
		path := strings.TrimPrefix(key+"."+name.Value, ".")
		if name.Kind != yaml.ScalarNode || seen[name.Value] {
			return w.fault(name, path, "want each key once, as plain text")
		}
		seen[name.Value] = true
		w.lines[path] = name.Line
		if err := each(name, child, path); err != nil {
			return err
		}
	}
	return nil
}

func (w where) intoList(node *yaml.Node, value reflect.Value, key string) error {
	if node.Kind != yaml.SequenceNode {
		return w.fault(node, key, "want a list, such as [one, two]")
	}
	list := reflect.MakeSlice(value.Type(), len(node.Content), len(node.Content))
	for i, child := range node.Content {
		if err := w.into(child, list.Index(i), fmt.Sprintf("%s[%d]", key, i)); err != nil {
			return err
		}
	}
	value.Set(list)
	return nil
}

func (w where) intoScalar(node *yaml.Node, value reflect.Value, key string) error {
	if node.Kind != yaml.ScalarNode || node.Tag == "!!null" {
		return w.fault(node, key, "want a value")
	}
	switch value.Kind() {
	case reflect.Int:
		n, err := strconv.Atoi(node.Value)
		if err != nil {
			return w.fault(node, key, "want a whole number, got %q", node.Value)
		}
		value.SetInt(int64(n))
	case reflect.Bool:
		if node.Value != "true" && node.Value != "false" {
			return w.fault(node, key, "want true or false, got %q", node.Value)
		}
		value.SetBool(node.Value == "true")
	default:
		value.SetString(node.Value)
	}
	return nil
}
