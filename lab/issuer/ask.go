package issuer

import (
	"bufio"
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/mtlslab/mtlslab/lab/attack"
	"github.com/mtlslab/mtlslab/lab/pki"
	"github.com/mtlslab/mtlslab/lab/sandbox"
	"github.com/mtlslab/mtlslab/lab/wire"
)

const (
	answerLimit = 10 * time.Second // of step-ca, to answer
	neverHeard  = `\z.`            // RE2: there is nothing after the end, so all is heard until then
)

// Enrol has a certificate issued for a request, with a life from now on, by a token that vouches for
// whoever asks. The dates of the request are of no account.
func (s *StepCA) Enrol(ctx context.Context, req pki.Request, life time.Duration) (*pki.Identity, error) {
	applicant, err := s.authority.Apply(req)
	if err != nil {
		return nil, err
	}
	token, err := s.provisioner.Token(applicant, "https://"+s.name+"/1.0/sign")
	if err != nil {
		return nil, err
	}
	chain, err := s.issued(ctx, "sign", nil, map[string]any{
		"csr": string(applicant.Request), "ott": token, "notAfter": life.String(),
	})
	if err != nil {
		return nil, err
	}
	return s.own(applicant.Identity(chain))
}

// Renew has the certificate of an identity issued again, for the same key and a life as long, to whoever
// holds it.
func (s *StepCA) Renew(ctx context.Context, id *pki.Identity) (*pki.Identity, error) {
	chain, err := s.issued(ctx, "renew", id, struct{}{})
	if err != nil {
		return nil, err
	}
	return s.own(id.Renewed(chain))
}

// Revoke has the certificate of an identity revoked, by whoever holds it. To step-ca that means that it is
// renewed no more; nobody else learns of it.
func (s *StepCA) Revoke(ctx context.Context, id *pki.Identity) error {
	_, err := s.ask(ctx, "revoke", id, map[string]any{"serial": id.Certificate.SerialNumber.String(), "passive": true})
	return err
}

// own holds what was issued to whoever it should be of: the call was answered by whoever is there.
func (s *StepCA) own(id *pki.Identity, err error) (*pki.Identity, error) {
	if err == nil && !s.authority.Issued(id.Certificate) {
		return nil, fmt.Errorf("%s: what it issues is of another authority", s.name)
	}
	return id, err
}

// issued is the chain that step-ca answers with, PEM.
func (s *StepCA) issued(ctx context.Context, what string, as *pki.Identity, body any) ([]byte, error) {
	answer, err := s.ask(ctx, what, as, body)
	if err != nil {
		return nil, err
	}
	var issued struct {
		Chain []string `json:"certChain"`
	}
	if err := json.Unmarshal(answer, &issued); err != nil {
		return nil, fmt.Errorf("%s: %s: reading its answer: %w", s.name, what, err)
	}
	return []byte(strings.Join(issued.Chain, "")), nil
}

// ask makes a request of its API, with the certificate of who asks, if anybody's, and returns what it
// answers. That it would not is a [*RefusedError]: by an alert, or in so many words.
func (s *StepCA) ask(ctx context.Context, what string, as *pki.Identity, body any) ([]byte, error) {
	request, err := s.request(what, body)
	if err != nil {
		return nil, err
	}
	call := attack.Attack{
		ID: sandbox.NewID(), Role: wire.Client, Connect: s.address, SNI: s.name, Limit: answerLimit,
		Dialogue: &attack.Dialogue{Talk: []attack.Turn{{Say: request}, {Hear: neverHeard}}},
	}
	call.NoCertificate = as == nil
	if as != nil {
		if call.Key, err = x509.MarshalPKCS8PrivateKey(as.Key); err != nil {
			return nil, err
		}
		for _, cert := range as.Chain {
			call.Chain = append(call.Chain, cert.Raw)
		}
	}
	evidence, err := s.adversary.Carry(ctx, call)
	if err != nil {
		return nil, err
	}
	last := evidence.Last()
	if last.End == attack.EndAlert {
		return nil, &RefusedError{fmt.Sprintf("%s: by the alert %s", what, last.Alert.Name)}
	}
	return s.read(what, last)
}

func (s *StepCA) request(what string, body any) ([]byte, error) {
	text, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	// It is written out here, and sent by somebody else.
	url := "https://" + s.name + "/1.0/" + what
	request, err := http.NewRequestWithContext(context.Background(), http.MethodPost, url, bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Close = true
	var raw bytes.Buffer
	err = request.Write(&raw)
	return raw.Bytes(), err
}

// read is the body of an answer.
func (s *StepCA) read(what string, seen attack.Connection) ([]byte, error) {
	fault := func(err error) error { return fmt.Errorf("%s: %s: %s: %w", s.name, what, seen.End, err) }
	response, err := http.ReadResponse(bufio.NewReader(strings.NewReader(seen.Heard)), nil)
	if err != nil {
		return nil, fault(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	switch {
	case err != nil:
		return nil, fault(err)
	case response.StatusCode < http.StatusMultipleChoices:
		return body, nil
	}
	var says struct{ Message string }
	_ = json.Unmarshal(body, &says) // it is for people
	switch response.StatusCode {
	case http.StatusUnauthorized, http.StatusForbidden:
		return nil, &RefusedError{fmt.Sprintf("%s: %s %s", what, response.Status, wire.Printable(says.Message))}
	default:
		return nil, fault(errors.New(response.Status + " " + wire.Printable(says.Message)))
	}
}
