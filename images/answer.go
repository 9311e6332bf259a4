package images

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// A message is one line of what an engine says while it loads, pulls, imports or builds.
type message struct {
	ID          string          `json:"id"`
	Stream      string          `json:"stream"` // of a build: any part of its output
	Aux         json.RawMessage `json:"aux"`
	Error       string          `json:"error"`
	ErrorDetail struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
	} `json:"errorDetail"`
}

// An engineError is what an engine says of its failure.
type engineError struct {
	code    int // the exit code of a build's command, or 0
	message string
}

func (e *engineError) Error() string { return e.message }

// readAnswer reads an engine's answer to its end, handing on each message, and returns
// the first error in it. The engine answers 200 before it has begun, so that an error
// comes as a message.
func readAnswer(answer io.Reader, take func(message)) error {
	var failed error
	for messages := json.NewDecoder(answer); ; {
		var m message
		switch err := messages.Decode(&m); {
		case errors.Is(err, io.EOF):
			return failed
		case err != nil:
			return errors.Join(failed, fmt.Errorf("reading the engine's answer: %w", err))
		}
		take(m)
		said := m.ErrorDetail.Message
		if said == "" {
			said = m.Error
		}
		if said != "" && failed == nil {
			failed = &engineError{m.ErrorDetail.Code, said}
		}
	}
}
