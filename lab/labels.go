package lab

import (
	"os"
	"os/user"
	"time"

	"github.com/testcontainers/testcontainers-go"
)

// Everything the lab makes in an engine carries these labels, and is found
// again by them alone.
const (
	labelRun     = "mtlslab.run"     // one lab
	labelOwner   = "mtlslab.owner"   // who started it, user@host
	labelExpires = "mtlslab.expires" // RFC 3339; whoever comes later may remove it
)

// ownedBy is the engine's filter for what a person's labs have made.
func ownedBy(owner string) string { return labelOwner + "=" + owner }

// labels are those of one lab, with those by which the reaper of
// testcontainers-go knows what is its own. Asking for those reads that library's
// configuration, once and for all, so it must not come before [connect].
func labels(run string, expires time.Time) map[string]string {
	all := testcontainers.GenericLabels()
	all[labelRun] = run
	all[labelOwner] = owner()
	all[labelExpires] = expires.UTC().Format(time.RFC3339)
	return all
}

// owner is whose labs these are. MTLSLAB_OWNER sets it, for those who share an
// account and must not clean up after each other.
func owner() string {
	if set := os.Getenv("MTLSLAB_OWNER"); set != "" {
		return set
	}
	name, host := "unknown", "unknown"
	if current, err := user.Current(); err == nil {
		name = current.Username
	}
	if hostname, err := os.Hostname(); err == nil {
		host = hostname
	}
	return name + "@" + host
}

// expired reports whether labels say that their bearer may be removed. One
// without a readable date was not made by this code, and stays.
func expired(labels map[string]string, now time.Time) bool {
	expires, err := time.Parse(time.RFC3339, labels[labelExpires])
	return err == nil && now.After(expires)
}
