package learn

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/mtlslab/mtlslab/lab/exercises"
)

// StateFile is in a workshop's directory, and says how far its learner is.
const StateFile = "progress.json"

// PageFile is what there is to read, in an exercise's directory.
const PageFile = "README.md"

const stateFormat = 1

// Workshop is a learner's directory, with a directory for each exercise that was begun.
type Workshop struct {
	Dir string
	state
}

type state struct {
	Format    int              `json:"format"`
	Whose     string           `json:"learner"` // a name, and what sets it apart from another's of that name
	Exercises map[string]*Mark `json:"exercises"`
}

// Mark is how far a learner is with an exercise. That it was passed is a claim: see [Workshop.Check].
type Mark struct {
	From   string     `json:"from,omitempty"` // the directory that it was read from, if it is none of ours
	Begun  time.Time  `json:"begun"`
	Checks int        `json:"checks"`
	Hints  int        `json:"hints"` // that are open
	Passed *time.Time `json:"passed,omitempty"`
}

// ErrNoWorkshop says that there is none in a directory.
var ErrNoWorkshop = errors.New("there is no workshop here yet: mtlslab learn start")

// Open reads the workshop in a directory. Without one it is [ErrNoWorkshop].
func Open(dir string) (*Workshop, error) {
	content, err := os.ReadFile(filepath.Join(dir, StateFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNoWorkshop
	}
	if err != nil {
		return nil, err
	}
	w := &Workshop{Dir: dir}
	if err := json.Unmarshal(content, &w.state); err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(dir, StateFile), err)
	}
	if w.Format != stateFormat || !isLearner(w.Whose) {
		return nil, fmt.Errorf(
			"%s: it is not of this mtlslab; begin anew in another directory",
			filepath.Join(dir, StateFile),
		)
	}
	if w.Exercises == nil {
		w.Exercises = make(map[string]*Mark)
	}
	return w, nil
}

// Create makes a workshop for somebody of that name.
func Create(dir, name string) (*Workshop, error) {
	tag := make([]byte, 3)
	if _, err := rand.Read(tag); err != nil {
		return nil, err
	}
	w := &Workshop{Dir: dir, state: state{
		Format: stateFormat, Whose: plain(name) + "-" + hex.EncodeToString(tag), Exercises: make(map[string]*Mark),
	}}
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // a learner's own files, like any
		return nil, err
	}
	return w, w.save()
}

// Learner is whose it is.
func (w *Workshop) Learner() string { return w.Whose }

// maxName bounds a name, so that it fits into names of hosts (RFC 1035, 2.3.4).
const maxName = 24

// plain is a name as a part of a host's name.
func plain(name string) string {
	kept := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, strings.ToLower(name))
	if kept == "" {
		return "learner"
	}
	return kept[:min(len(kept), maxName)]
}

func isLearner(text string) bool {
	name, tag, ok := strings.Cut(text, "-")
	return ok && name == plain(name) && tag == plain(tag) && tag != ""
}

func (w *Workshop) save() error {
	content, err := json.MarshalIndent(w.state, "", "  ")
	if err != nil {
		return err
	}
	at := filepath.Join(w.Dir, StateFile)
	if err := os.WriteFile(at+".new", append(content, '\n'), 0o644); err != nil { //nolint:gosec // no secret
		return err
	}
	return os.Rename(at+".new", at)
}

// Mark is how far the learner is with an exercise; nil if it was not begun.
func (w *Workshop) Mark(id string) *Mark { return w.Exercises[id] }

// Exercise is one that was begun, or one of ours, whose id begins so; the one begun last, of
// those that were not passed if there are such, if begins is empty.
func (w *Workshop) Exercise(begins string) (exercises.Exercise, error) {
	if begins == "" {
		current := w.current()
		if current == "" {
			return exercises.Exercise{}, errors.New("no exercise has begun: mtlslab learn start")
		}
		begins = current
	}
	if mark := w.Exercises[begins]; mark != nil && mark.From != "" {
		return exercises.ReadDir(mark.From)
	}
	return exercises.Find(begins)
}

func (w *Workshop) current() (id string) {
	for _, open := range []bool{true, false} {
		var last time.Time
		for _, name := range slices.Sorted(maps.Keys(w.Exercises)) {
			if mark := w.Exercises[name]; (mark.Passed == nil) == open && !mark.Begun.Before(last) {
				id, last = name, mark.Begun
			}
		}
		if id != "" {
			return id
		}
	}
	return ""
}

// Next is the first of our exercises after one that has not been passed; false if there is none.
func (w *Workshop) Next(after string) (exercises.Exercise, bool) {
	for _, e := range exercises.All() {
		mark := w.Exercises[e.ID]
		if e.ID > after && (mark == nil || mark.Passed == nil) {
			return e, true
		}
	}
	return exercises.Exercise{}, false
}

// DirOf is where an exercise's files are.
func (w *Workshop) DirOf(id string) string { return filepath.Join(w.Dir, id) }

// Start unpacks an exercise, unless it was before, and makes it the one that is at hand. From is
// the directory of one that is none of ours.
func (w *Workshop) Start(ctx context.Context, e exercises.Exercise, from string) error {
	if mark := w.Exercises[e.ID]; mark != nil {
		mark.Begun = time.Now()
		return w.save()
	}
	if err := w.unpack(ctx, e); err != nil {
		return err
	}
	w.Exercises[e.ID] = &Mark{From: from, Begun: time.Now()}
	return w.save()
}

// Reset brings an exercise's files back as they were at first. What was made of them is kept
// beside them, as FILE.before.
func (w *Workshop) Reset(ctx context.Context, e exercises.Exercise) error {
	mark := w.Exercises[e.ID]
	if mark == nil {
		return w.Start(ctx, e, "")
	}
	mark.Passed = nil
	return errors.Join(w.unpack(ctx, e), w.save())
}

func (w *Workshop) unpack(ctx context.Context, e exercises.Exercise) error {
	extra, _, err := Prepare(ctx, e, w.Learner())
	if err != nil {
		return err
	}
	named := e.For(w.Learner())
	files := map[string][]byte{PageFile: []byte(named.Page)}
	maps.Copy(files, extra)
	for name, content := range named.Start {
		files[name] = []byte(content)
	}
	for name, content := range files {
		if err := put(filepath.Join(w.DirOf(e.ID), filepath.FromSlash(name)), content); err != nil {
			return err
		}
	}
	return nil
}

// put writes a file, and keeps what was there otherwise.
func put(at string, content []byte) error {
	if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil { //nolint:gosec // a learner's own files, like any
		return err
	}
	if earlier, err := os.ReadFile(at); err == nil && string(earlier) != string(content) {
		if err := os.Rename(at, at+".before"); err != nil {
			return err
		}
	}
	return os.WriteFile(at, content, 0o644) //nolint:gosec // likewise
}

// Files are what a learner has made of an exercise. One that is missing is empty.
func (w *Workshop) Files(e exercises.Exercise) (map[string]string, error) {
	files := make(map[string]string)
	names := slices.Collect(maps.Keys(e.Start))
	if e.Kind == exercises.Reading {
		names = append(names, sealedFile)
	}
	for _, name := range names {
		content, err := os.ReadFile(filepath.Join(w.DirOf(e.ID), filepath.FromSlash(name)))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		files[name] = string(content)
	}
	return files, nil
}

// Check checks what the learner has made of an exercise that was begun, and keeps what it came to.
func (w *Workshop) Check(ctx context.Context, k Checker, e exercises.Exercise) (Result, error) {
	result, err := w.Look(ctx, k, e)
	if err != nil {
		return result, err
	}
	mark := w.Exercises[e.ID]
	mark.Checks++
	switch {
	case !result.Passed:
		mark.Passed = nil
	case mark.Passed == nil:
		mark.Passed = new(time.Now())
	}
	return result, w.save()
}

// Look checks and keeps nothing.
func (w *Workshop) Look(ctx context.Context, k Checker, e exercises.Exercise) (Result, error) {
	if w.Exercises[e.ID] == nil {
		return Result{}, fmt.Errorf("%s has not begun: mtlslab learn start %s", e.ID, e.ID)
	}
	files, err := w.Files(e)
	if err != nil {
		return Result{}, err
	}
	return k.Check(ctx, e, w.Learner(), files)
}

// Hint opens one more of an exercise's hints, and returns those that are open.
func (w *Workshop) Hint(e exercises.Exercise) ([]string, error) {
	mark := w.Exercises[e.ID]
	if mark == nil {
		return nil, fmt.Errorf("%s has not begun: mtlslab learn start %s", e.ID, e.ID)
	}
	mark.Hints = min(mark.Hints+1, exercises.Rungs)
	return e.For(w.Learner()).Hints[:mark.Hints], w.save()
}
