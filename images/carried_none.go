//go:build !carried

package images

import "io/fs"

// carried are the programs that this command carries: none, it compiles them.
var carried fs.FS
