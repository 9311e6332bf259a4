package adapter

import (
	"bytes"
	_ "embed" // for the example
	"encoding/json"
	"reflect"
	"slices"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/mtlslab/mtlslab/lab/wire"
)

//go:embed server.example.yaml
var serverExample []byte

//go:embed client.example.yaml
var clientExample []byte

// Example is an adapter for that role to begin with, commented.
func Example(role wire.Role) []byte {
	if role == wire.Client {
		return slices.Clone(clientExample)
	}
	return slices.Clone(serverExample)
}

// Schema is the JSON Schema of an adapter, for editors. It is made of [Adapter]
// itself, and knows its keys, their types and what they are for; [Read] checks
// the rest.
func Schema() []byte {
	s := schemaOf(reflect.TypeFor[Adapter]())
	s.Schema, s.Title = "https://json-schema.org/draft/2020-12/schema", "mtlslab adapter"
	s.Required = []string{"name", "role", "speaks"}
	s.Properties["role"].Enum = []any{string(wire.Server), string(wire.Client)}
	s.Properties["speaks"].Enum = anyOf(protocols)
	s.Properties["reload"].Properties["signal"].Enum = anyOf(signals)
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(s); err != nil {
		panic(err) // of constants
	}
	return out.Bytes()
}

func schemaOf(t reflect.Type) *jsonschema.Schema {
	switch t.Kind() {
	case reflect.Pointer:
		return schemaOf(t.Elem())
	case reflect.Struct:
		s := &jsonschema.Schema{
			Type:                 "object",
			Properties:           make(map[string]*jsonschema.Schema),
			AdditionalProperties: nothing(),
		}
		for field := range t.Fields() {
			key := field.Tag.Get("yaml")
			if key == "" {
				continue
			}
			s.Properties[key] = schemaOf(field.Type)
			s.Properties[key].Description = DescriptionOf(t, field)
			s.PropertyOrder = append(s.PropertyOrder, key)
		}
		return s
	case reflect.Map:
		return &jsonschema.Schema{Type: "object", AdditionalProperties: schemaOf(t.Elem())}
	case reflect.Slice:
		return &jsonschema.Schema{Type: "array", Items: schemaOf(t.Elem())}
	case reflect.Int:
		return &jsonschema.Schema{Type: "integer"}
	case reflect.Bool:
		return &jsonschema.Schema{Type: "boolean"}
	default:
		return &jsonschema.Schema{Type: "string"}
	}
}

// nothing is the schema that no value meets.
func nothing() *jsonschema.Schema { return &jsonschema.Schema{Not: &jsonschema.Schema{}} }

func anyOf[T ~string](list []T) []any {
	all := make([]any, len(list))
	for i, t := range list {
		all[i] = string(t)
	}
	return all
}
