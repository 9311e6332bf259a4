// Package workshop is `mtlslab learn`: the verbs by which a learner, and an instructor, use the
// exercises, and how a check is shown.
//
// It exists apart from the other verbs because it shares nothing with them but exit codes and
// the way things are printed. Package learn does the work.
package workshop
