// Package images builds the binaries of mtlslab's peers and puts them into a container engine as images.
//
// It exists so that both runtimes of the lab run the very same programs, built once from the source at hand, whether
// the lab runs in a checkout of mtlslab or in another module that requires it; and so that the same source, built by
// the same version of Go, always gives the same image. An engine's own build writes the time of day into what it makes,
// so two builds of one source have two digests; therefore this package carries out the Dockerfiles itself. They stay
// true Dockerfiles, and a test compares the result with what the engine makes of them. Understood are
//
//	FROM scratch
//	COPY name /path
//	USER uid:gid
//	EXPOSE port
//	ENTRYPOINT ["/path"]
//	LABEL key="value" ...
//
// and everything else is an error that names the file and the line.
//
// An image is named after its content, mtlslab/server:0123456789ab, so that labs of different versions share an engine
// without taking each other's images. [Tag] adds a name that stays, for files such as compose.yaml.
//
// Peers made of other people's software are another matter: [Builder.Build] has the engine carry
// out their Dockerfiles, which may say anything, and [Peers] is the gallery of them. They start
// from an image of Debian, which [Builder.Base] pulls, or makes where no registry answers. What
// they fetch changes from day to day, and so does their digest.
//
// The package must not write into a source tree, start a container, or put a key or a certificate into an image. The
// images of mtlslab's own programs are built without fetching anything.
package images
