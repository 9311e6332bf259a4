package images

import ocispec "github.com/opencontainers/image-spec/specs-go/v1"

// ParseDockerfile shows tests what the parser has read: what is copied where, and the configuration.
func ParseDockerfile(name, text string) (from, to string, config ocispec.ImageConfig, err error) {
	d, err := parseDockerfile(name, text)
	return d.binary, d.path, d.config, err
}
