package finding_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mtlslab/mtlslab/lab/finding"
)

// shards are those of a scorecard of three servers and two clients.
func shards(of int) []finding.Scorecard {
	peers := []string{"server a", "server b", "server c", "client x", "client y"}
	var all []finding.Scorecard
	for index := 1; index <= of; index++ {
		shard := finding.Shard{Index: index, Of: of, Peers: peers}
		sc := finding.Scorecard{Shard: &shard, Command: "mtlslab scorecard --shard=" + shard.String() + " a", Built: "one"}
		for place, name := range peers {
			if shard.Has(place) {
				sc.Audits = append(sc.Audits, finding.Audit{Subject: name})
			}
		}
		for place, server := range []string{"a", "b", "c"} {
			for _, client := range []string{"x", "y"} {
				if shard.Has(place) {
					sc.Interop = append(sc.Interop, finding.Interop{Server: server, Client: client})
				}
			}
		}
		all = append(all, sc)
	}
	return all
}

func TestMerge(t *testing.T) {
	t.Parallel()
	alone := shards(1)[0]
	for of := 2; of <= 5; of++ {
		parts := shards(of)
		parts[0], parts[of-1] = parts[of-1], parts[0] // in any order
		whole, err := finding.Merge(parts)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(alone.Audits, whole.Audits); diff != "" {
			t.Errorf("of %d: the audits differ:\n%s", of, diff)
		}
		if diff := cmp.Diff(alone.Interop, whole.Interop); diff != "" {
			t.Errorf("of %d: the exchanges differ:\n%s", of, diff)
		}
		if whole.Shard != nil || whole.Command != "mtlslab scorecard a" {
			t.Errorf("of %d: it is of %v, by %q", of, whole.Shard, whole.Command)
		}
	}
}

func TestMergeOfWhatDoesNotFit(t *testing.T) {
	t.Parallel()
	type list = []finding.Scorecard
	changed := func(change func(list) list) list { return change(shards(3)) }
	for want, all := range map[string]list{
		"no shards":                       nil,
		"missing: shard 2/3, shard 3/3":   changed(func(all list) list { return all[:1] }),
		"shard 1/3 is there twice":        changed(func(all list) list { return append(all, all[0]) }),
		"document 1: it is no shard":      {{}},
		"is a shard of another scorecard": {shards(3)[0], shards(2)[1]},
		"another build": changed(func(all list) list {
			all[1].Built = "another"
			return all
		}),
		"another command": changed(func(all list) list {
			all[1].Command += " b"
			return all
		}),
		"has no audit of server b": changed(func(all list) list {
			all[1].Audits = nil
			return all
		}),
	} {
		if _, err := finding.Merge(all); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

func TestParseShard(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"1/1": true, "2/5": true, "5/5": true,
		"": false, "0/5": false, "6/5": false, "-1/5": false, "1/0": false, "1": false, "1/5/": false, "01/5": false,
		"1/5x": false,
	} {
		if _, _, err := finding.ParseShard(text); (err == nil) != want {
			t.Errorf("%q: %v", text, err)
		}
	}
}
