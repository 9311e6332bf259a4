package finding

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Shard says which part of a scorecard one machine has made: of all peers, each N-th.
type Shard struct {
	Index int      `json:"index"` // from 1
	Of    int      `json:"of"`
	Peers []string `json:"peers"` // of all shards, as "server nginx", in their order
}

// ParseShard reads "2/5", the second of five.
func ParseShard(text string) (index, of int, err error) {
	if _, err := fmt.Sscanf(text+" ", "%d/%d ", &index, &of); err != nil || index < 1 || index > of ||
		text != fmt.Sprintf("%d/%d", index, of) {
		return 0, 0, fmt.Errorf("shard %q: want I/N, such as 2/5", text)
	}
	return index, of, nil
}

// Has says whether the thing at that place is the shard's.
func (s Shard) Has(place int) bool { return place%s.Of == s.Index-1 }

// String is the shard as it is asked for.
func (s Shard) String() string { return fmt.Sprintf("%d/%d", s.Index, s.Of) }

// Merge puts the shards of one scorecard together. The result is, cell by cell, what one machine
// would have made of it. An error names the shards that are missing, there twice, or of another
// scorecard.
func Merge(shards []Scorecard) (Scorecard, error) {
	if len(shards) == 0 {
		return Scorecard{}, errors.New("there are no shards")
	}
	by := make(map[int]Scorecard)
	for i, sc := range shards {
		if err := sc.fits(shards[0]); err != nil {
			return Scorecard{}, fmt.Errorf("document %d: %w", i+1, err)
		}
		if _, twice := by[sc.Shard.Index]; twice {
			return Scorecard{}, fmt.Errorf("shard %s is there twice", sc.Shard)
		}
		by[sc.Shard.Index] = sc
	}
	var missing []string
	for index := 1; index <= shards[0].Shard.Of; index++ {
		if _, ok := by[index]; !ok {
			missing = append(missing, Shard{Index: index, Of: shards[0].Shard.Of}.String())
		}
	}
	if len(missing) > 0 {
		return Scorecard{}, fmt.Errorf("missing: shard %s", strings.Join(missing, ", shard "))
	}
	return merged(by)
}

// fits says why a document is no shard of the scorecard of which another is.
func (s Scorecard) fits(other Scorecard) error {
	switch {
	case s.Shard == nil || other.Shard == nil:
		return errors.New("it is no shard: make it with mtlslab scorecard --shard I/N")
	case s.Shard.Of != other.Shard.Of || !slices.Equal(s.Shard.Peers, other.Shard.Peers):
		return errors.New("it is a shard of another scorecard: its peers, or how many shards there are, differ")
	case s.whole() != other.whole():
		return fmt.Errorf("it was made by another command: %s", s.Command)
	case s.Built != other.Built:
		return errors.New("it was made by another build of mtlslab")
	default:
		return nil
	}
}

// whole is the command without its shard.
func (s Scorecard) whole() string {
	return strings.Replace(s.Command, " --shard="+s.Shard.String(), "", 1)
}

func merged(by map[int]Scorecard) (Scorecard, error) {
	first := by[1]
	peers := first.Shard.Peers
	whole := first
	whole.Shard, whole.Command, whole.Took = nil, first.whole(), 0
	whole.Audits, whole.Interop, whole.Sent = make([]Audit, len(peers)), nil, nil
	for index := 1; index <= first.Shard.Of; index++ {
		sc := by[index]
		next := 0
		for place := range peers {
			if !sc.Shard.Has(place) {
				continue
			}
			if next == len(sc.Audits) {
				return Scorecard{}, fmt.Errorf("shard %s has no audit of %s", sc.Shard, peers[place])
			}
			whole.Audits[place] = sc.Audits[next]
			next++
		}
		whole.Interop, whole.Sent = append(whole.Interop, sc.Interop...), append(whole.Sent, sc.Sent...)
		if sc.Began.Before(whole.Began) {
			whole.Began = sc.Began
		}
		whole.Took = max(whole.Took, sc.Took)
	}
	slices.SortStableFunc(whole.Interop, func(a, b Interop) int {
		place := func(i Interop) int { return slices.Index(peers, "server "+i.Server) }
		return place(a) - place(b)
	})
	return whole, nil
}
