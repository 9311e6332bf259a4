package learn

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"fmt"
	mathrand "math/rand/v2"
	"slices"
	"strings"

	"github.com/mtlslab/mtlslab/lab/capture"
	"github.com/mtlslab/mtlslab/lab/exercises"
	"github.com/mtlslab/mtlslab/lab/verdict"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// The files of an exercise in which a recording is read, besides what it starts with.
const (
	CaptureFile    = "handshake.pcapng"
	TranscriptFile = "handshake.txt"
	sealedFile     = ".sealed.json"
)

// sealed is by what answers are known to be right, without saying them.
type sealed struct {
	Learner string              `json:"learner"`
	Salt    string              `json:"salt"`
	Answers map[string][]string `json:"answers"` // by question, one for each way to say it
}

// Prepare makes what an exercise needs besides what it starts with: a recording, if it is about
// one. It is another each time. Facts are what there is to find out in it.
func Prepare(ctx context.Context, e exercises.Exercise, learner string) (
	extra map[string][]byte, facts map[string]string, err error,
) {
	if e.Kind != exercises.Reading {
		return nil, nil, nil
	}
	extra, facts, err = record(ctx, e.For(learner), learner)
	if err != nil {
		return nil, nil, &BrokenError{What: err.Error()}
	}
	return extra, facts, nil
}

// group is one that a key exchange can be made by, and the ways to say so (RFC 8446, 4.2.7).
type group struct {
	id    tls.CurveID
	names []string
}

var groups = []group{
	{tls.X25519MLKEM768, []string{"X25519MLKEM768", "4588", "0x11ec"}},
	{tls.X25519, []string{"x25519", "29", "0x001d"}},
	{tls.CurveP256, []string{"secp256r1", "P-256", "P256", "CurveP256", "23", "0x0017"}},
	{tls.CurveP384, []string{"secp384r1", "P-384", "P384", "CurveP384", "24", "0x0018"}},
}

// refusals are what a second client can be refused for, and the ways to say by which alert.
var refusals = []struct {
	shows string
	names []string
}{
	{"none", []string{"116", "certificate_required", "certificate required"}},
	{"mallory", []string{"48", "unknown_ca", "unknown certificate authority"}},
	{"former", []string{"45", "certificate_expired", "expired certificate"}},
}

// record makes two exchanges, one of which is refused.
func record(ctx context.Context, e exercises.Exercise, learner string) (map[string][]byte, map[string]string, error) {
	r, err := newRoom(learner, new(exercises.Lab), e.Certificates)
	if err != nil {
		return nil, nil, err
	}
	chosen := groups[mathrand.IntN(len(groups))]      //nolint:gosec // to be found out, and no secret
	refusal := refusals[mathrand.IntN(len(refusals))] //nolint:gosec // likewise
	var text bytes.Buffer
	file, code := new(capture.File), rand.Text()[:10]
	if err := r.recorded(ctx, file, &text, chosen.id, "client", "/ Hello, server! The code is "+code+"."); err != nil {
		return nil, nil, err
	}
	if err := r.recorded(ctx, file, &text, chosen.id, refusal.shows, "/ Hello, server!"); err != nil {
		return nil, nil, err
	}
	var pcapng bytes.Buffer
	if _, err := file.WriteTo(&pcapng); err != nil {
		return nil, nil, err
	}
	client, err := r.certificate("client")
	if err != nil {
		return nil, nil, err
	}
	accepted := map[string][]string{
		"code": {code}, "group": chosen.names, "alert": refusal.names,
		"client_serial": {client.leaf.SerialNumber.Text(16), client.leaf.SerialNumber.String()},
	}
	facts, seal := make(
		map[string]string,
	), sealed{
		Learner: learner,
		Salt:    rand.Text(),
		Answers: make(map[string][]string),
	}
	for key, all := range accepted {
		facts[key] = all[0]
		for _, one := range all {
			seal.Answers[key] = append(seal.Answers[key], seal.of(key, one))
		}
	}
	text.WriteString("\n")
	stamp, err := json.MarshalIndent(seal, "", "  ")
	return map[string][]byte{CaptureFile: pcapng.Bytes(), TranscriptFile: text.Bytes(), sealedFile: stamp}, facts, err
}

// of is an answer, so that it can be compared and not read.
func (s sealed) of(key, answer string) string {
	answer = strings.ToLower(strings.TrimSpace(answer))
	if key == "client_serial" {
		answer = strings.TrimLeft(strings.NewReplacer(":", "", "0x", "", " ", "").Replace(answer), "0")
	}
	sum := sha256.Sum256([]byte(strings.Join([]string{s.Salt, s.Learner, key, answer}, "\x00")))
	return hex.EncodeToString(sum[:])
}

// recorded makes one exchange by way of the recorder, and tells it in words, too.
func (r *room) recorded(
	ctx context.Context, file *capture.File, text *bytes.Buffer, by tls.CurveID, shows, message string,
) error {
	own, err := r.certificate("server")
	if err != nil {
		return err
	}
	s, err := r.serve(
		exercises.Server{ClientAuth: "RequireAndVerifyClientCert", ClientCAs: []string{exercises.Own}},
		own,
	)
	if err != nil {
		return err
	}
	defer s.stop()
	chosen := s.config.Clone()
	chosen.CurvePreferences = []tls.CurveID{by}
	s.becomes(chosen)
	address, ended, err := file.Relay(ctx, s.address())
	if err != nil {
		return err
	}
	config, err := r.clientConfig(exercises.Client{
		Certificate: r.named(shows), RootCAs: []string{exercises.Own}, ServerName: own.leaf.DNSNames[0],
	})
	if err != nil {
		return err
	}
	config.KeyLogWriter = file
	client := call(ctx, address, config, "receipt", message)
	ended()
	accounts := s.stop()
	if len(accounts) == 0 {
		return fmt.Errorf("the recorded exchange did not come about: %s", verdict.Account(&client))
	}
	return r.tell(text, shows, own, message, by, client, accounts[0])
}

// tell is a recorded exchange as text, for whoever has no program that reads captures.
func (r *room) tell(
	text *bytes.Buffer, shows string, own *issued, message string, by tls.CurveID, client, server wire.Outcome,
) error {
	say := func(who, what string, args ...any) { fmt.Fprintf(text, "  %-8s %s\n", who, fmt.Sprintf(what, args...)) }
	if text.Len() > 0 {
		text.WriteString("\n")
	}
	fmt.Fprintf(text, "Connection %d, TLS 1.3\n", 1+strings.Count(text.String(), "Connection "))
	say("client", "client_hello: groups offered %s", strings.Join(offered(), ", "))
	say("server", "server_hello: group chosen %s", groupName(by))
	say("server", "certificate_request")
	if err := certificates(say, "server", own); err != nil {
		return err
	}
	if name := r.named(shows); name == "" {
		say("client", "certificate: none")
	} else {
		made, err := r.certificate(name)
		if err != nil {
			return err
		}
		if err := certificates(say, "client", made); err != nil {
			return err
		}
	}
	say("client", "application data: %s", message)
	if client.Alert != nil {
		say("server", "alert %d, %s", client.Alert.Code, client.Alert.Name)
	} else if server.Kind == wire.Received {
		say("server", "application data: a receipt, sha256 %s", server.Message.SHA256)
	}
	return nil
}

func certificates(say func(who, what string, args ...any), who string, of *issued) error {
	for i, der := range of.Certificate.Certificate {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			return err
		}
		say(who, "certificate %d: serial %s, issued by %s, until %s", i+1,
			c.SerialNumber.Text(16), c.Issuer.CommonName, c.NotAfter.UTC().Format("2006-01-02 15:04:05"))
	}
	return nil
}

func groupName(id tls.CurveID) string {
	at := slices.IndexFunc(groups, func(g group) bool { return g.id == id })
	return groups[at].names[0]
}

func offered() (names []string) {
	for _, g := range groups {
		names = append(names, g.names[0])
	}
	return names
}

// checkAnswers holds a learner's answers against what was recorded for that learner last.
func checkAnswers(e exercises.Exercise, learner string, files map[string]string) (all []Found) {
	given, unread := exercises.ReadAnswers(exercises.AnswersFile, []byte(files[exercises.AnswersFile]))
	var seal sealed
	unsealed := json.Unmarshal([]byte(files[sealedFile]), &seal)
	switch {
	case unread != nil:
		return stopped(
			Read,
			"the answers can be understood",
			"They cannot be read as they are written: "+unread.Error()+".",
		)
	case unsealed != nil:
		return stopped(
			Read,
			"there is a recording",
			"The recording's seal has gone, so no answer can be held against it. "+
				"mtlslab learn reset makes a new one.",
		)
	case given.Learner != learner || seal.Learner != learner:
		return stopped(
			Own,
			"the answers are yours",
			"These are another learner's answers, or another's recording. Every "+
				"recording is of keys, names and a code of its own, so they say nothing about yours.",
		)
	}
	for _, q := range e.Questions {
		answer := given.Answers[q.Key]
		f := Found{Claim: q.Key, Is: q.Is, Passed: slices.Contains(seal.Answers[q.Key], seal.of(q.Key, answer))}
		if !f.Passed {
			f.Came, f.Means = "another answer", q.Says
			if strings.TrimSpace(answer) == "" {
				f.Came, f.Means = "no answer", "There is no answer yet to "+q.Key+"."
			}
		}
		all = append(all, f)
	}
	return all
}
