// Package exercises holds the exercises of the workshop: data, and what their files mean.
//
// Each is a directory NN-name: exercise.yaml, the page README.md, and start/, which is what a
// learner is given. Adding one touches nothing else. Package learn carries them out.
package exercises
