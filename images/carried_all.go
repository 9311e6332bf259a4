//go:build carried

package images

import (
	"embed"
	"io/fs"
)

// What is carried is made by `make dist`, and is in no checkout.
//
//go:embed carried
var programs embed.FS

// carried are the programs that this command carries.
var carried fs.FS = programs
