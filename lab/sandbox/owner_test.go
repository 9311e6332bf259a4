package sandbox

import (
	"errors"
	"testing"
)

// TestFindOwner never takes for root what it cannot read.
func TestFindOwner(t *testing.T) {
	t.Parallel()
	files := map[string]string{
		"/etc/passwd": "root:x:0:0:root:/root:/bin/sh\nnginx:x:101:102::/:\n" +
			"odd:x:one:102::/:\nminus:x:-1:0::/:\nno-group:x:5::::\nshort:x:1\n",
		"/etc/group": "root:x:0:\ncerts:x:300:nginx\nodd:x:many:\n",
	}
	read := func(file string) (string, error) { return files[file], nil }
	for who, want := range map[string]owner{
		"0:0": {}, "0": {}, "101": {user: 101}, "101:7": {101, 7}, "nginx": {101, 102}, "nginx:certs": {101, 300},
		"nginx:5": {101, 5}, "7:certs": {7, 300}, "root": {},
	} {
		if got, err := findOwner(who, read); got != want || err != nil {
			t.Errorf("%s: %+v, %v, want %+v", who, got, err, want)
		}
	}
	for _, who := range []string{
		"odd", "minus", "no-group", "short", "nobody", "nginx:odd", "nginx:none", "nginx:", ":certs",
		"-1", "99999999999",
	} {
		if got, err := findOwner(who, read); err == nil {
			t.Errorf("%s: %+v, want an error", who, got)
		}
	}
	gone := errors.New("gone")
	if _, err := findOwner("nginx", func(string) (string, error) { return "", gone }); !errors.Is(err, gone) {
		t.Errorf("got %v, want %v", err, gone)
	}
}
