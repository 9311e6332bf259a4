package adapter_test

import (
	"testing"

	"github.com/mtlslab/mtlslab/lab/adapter"
)

// TestHTTPSName names peers of which the image is known alone.
func TestHTTPSName(t *testing.T) {
	t.Parallel()
	for image, want := range map[string]string{
		"shop": "shop", "shop:1": "shop", "registry:5000/My_Shop:v1@sha256:00": "my-shop",
		"sha256:00": "sha256", "___": "image",
	} {
		if got := adapter.HTTPS(image).Name; got != want {
			t.Errorf("%s is called %q, want %q", image, got, want)
		}
	}
}
