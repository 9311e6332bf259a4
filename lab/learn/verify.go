package learn

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/mtlslab/mtlslab/lab/exercises"
)

// verifier is the learner as whom exercises are verified.
const verifier = "ada-c0ffee"

// Verify holds an exercise to what holds for every one, and returns what does not: it fails as it
// is given, its solution passes, and each wrong fix and each cheat fails at the claim that is
// about it, with a sentence that no other has. An error is a [*BrokenError] or a [*MissingError].
func (k Checker) Verify(ctx context.Context, e exercises.Exercise) (faults []string, err error) {
	if e.Kind == exercises.Programs {
		if _, err := languageOf(e, e.Start); err != nil {
			return nil, err
		}
	}
	for _, l := range Languages() {
		if e.Kind == exercises.Programs && l.Missing() == "" {
			of, err := k.verify(ctx, e, l.Extension)
			if err != nil {
				return faults, err
			}
			for _, fault := range of {
				faults = append(faults, l.Name+": "+fault)
			}
		}
	}
	if e.Kind == exercises.Programs {
		return faults, nil
	}
	return k.verify(ctx, e, "")
}

func (k Checker) verify(ctx context.Context, e exercises.Exercise, extension string) (faults []string, err error) {
	named := e.For(verifier)
	first := func(edits []exercises.Edit) (Result, bool) {
		result, editing, broken := k.tried(ctx, e, edits, extension)
		if editing != nil {
			faults = append(faults, editing.Error())
		}
		if broken != nil {
			err = broken
		}
		return result, editing == nil && broken == nil
	}
	if result, ok := first(nil); ok {
		if fault := held(named.Given, result.First(), make(map[string]string)); fault != "" {
			faults = append(faults, "as it is given: "+fault)
		}
	}
	if result, ok := first(named.Solution); ok && !result.Passed {
		f := result.First()
		faults = append(faults, fmt.Sprintf("its solution fails %s: %s", f.Claim, f.Means))
	}
	said := make(map[string]string)
	for _, a := range slices.Concat(named.Wrong, named.Cheats) {
		result, ok := first(a.Edits)
		if err != nil {
			return faults, err
		}
		if !ok {
			continue
		}
		if fault := held(a, result.First(), said); fault != "" {
			faults = append(faults, a.Name+": "+fault)
		}
	}
	return faults, err
}

// held says what is wrong with how an attempt fails; "" if nothing is.
func held(a exercises.Attempt, f Found, said map[string]string) string {
	switch {
	case f.Claim == "":
		return "it passes"
	case f.Claim != a.Fails || !strings.HasPrefix(f.Came, a.If):
		return fmt.Sprintf("it fails %s, %s, and should %s, %s: %s (client: %s; server: %s)",
			f.Claim, f.Came, a.Fails, a.If, f.Means, f.ClientSaw, f.ServerSaw)
	case f.Means == "":
		return "nothing is said of it"
	case said[f.Means] != "":
		return fmt.Sprintf("what is said of it is said of %q, too: %s", said[f.Means], f.Means)
	}
	said[f.Means] = a.Name
	return ""
}

// tried checks an exercise with edits made, those of one language if it has two.
func (k Checker) tried(
	ctx context.Context, e exercises.Exercise, edits []exercises.Edit, extension string,
) (result Result, editing, broken error) {
	edits = slices.DeleteFunc(slices.Clone(edits), func(e exercises.Edit) bool {
		return extension != "" && path.Ext(e.File) != extension
	})
	files, err := exercises.Apply(e.For(verifier).Start, edits)
	if err != nil {
		return result, err, nil
	}
	extra, facts, err := Prepare(ctx, e, verifier)
	if err != nil {
		return result, nil, err
	}
	for name, content := range extra {
		files[name] = string(content)
	}
	for key, fact := range facts { // what a learner finds out by reading
		files[exercises.AnswersFile] = strings.ReplaceAll(files[exercises.AnswersFile], "{"+key+"}", fact)
	}
	result, err = k.Check(ctx, e, verifier, files)
	return result, nil, err
}
