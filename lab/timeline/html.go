package timeline

import (
	"crypto/sha256"
	_ "embed" // the parts of the page
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"slices"
	"time"

	"github.com/mtlslab/mtlslab/lab/console"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// The parts of a timeline's page. It has no script.
var (
	//go:embed timeline.html.tmpl
	pageSource string
	//go:embed timeline.css
	pageStyle string
)

var page = template.Must(template.New("timeline").Parse(pageSource))

// view is what the template shows, all of it ready to be read.
type view struct {
	Policy                                       string
	Style                                        template.CSS
	Title, Summary, Server, Runtime, Began, Took string
	Verdict                                      Verdict
	Held                                         int
	Claims                                       []Claim
	Steps                                        []stepView
	Picture                                      picture
	Counts                                       Counts
}

type stepView struct {
	Number          int
	At, Name, Fared string
	X, LabelX       int
	LabelY          int
}

// picture is the time line as shapes: a lane for each stream, a line across for each step.
type picture struct {
	Width, Height, Left, Bottom int
	Steps                       []stepView
	Lanes                       []lane
	Ticks                       []tick
}

type lane struct {
	Name, Counts string
	Y, TextY     int
	Blocks       []block
}

// block is messages of one fate, one after the other.
type block struct {
	X, Width int
	Fate     Fate
	Says     string
}

type tick struct {
	X    int
	Text string
	End  bool
}

// Measures of the picture, in its own units.
const (
	pictureWidth = 1000
	pictureLeft  = 230
	laneHeight   = 30
	laneTop      = 40
	blockHeight  = 16
	ticks        = 8
)

// HTML writes the timeline as one page that stands alone: the picture, the steps, the claims. It
// needs no script and fetches nothing. The error is the writer's.
func (t *Timeline) HTML(w io.Writer) error {
	digest := sha256.Sum256([]byte(pageStyle))
	v := view{
		Policy: "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(digest[:]) +
			"'; base-uri 'none'; form-action 'none'",
		Style: template.CSS(pageStyle), //nolint:gosec // ours
		Title: t.Drill, Summary: t.Summary, Server: wire.Printable(t.Server), Runtime: t.Runtime,
		Began: t.Began.UTC().Format("2 January 2006, 15:04 UTC"), Took: console.Duration(t.Took),
		Verdict: t.Verdict(), Counts: Count(t.Streams...), Picture: t.picture(),
	}
	for _, c := range t.Claims {
		if c.Held {
			v.Held++
		}
		c.Saw = wire.Printable(c.Saw)
		v.Claims = append(v.Claims, c)
	}
	slices.SortStableFunc(v.Claims, func(a, b Claim) int { return gravity(a) - gravity(b) })
	v.Steps = v.Picture.Steps
	return page.Execute(w, v)
}

// gravity puts what does not hold before what shows nothing, and that before what holds.
func gravity(c Claim) int {
	switch {
	case c.Held:
		return 2
	case c.Void != "":
		return 1
	default:
		return 0
	}
}

func (t *Timeline) picture() picture {
	p := picture{
		Width: pictureWidth, Left: pictureLeft, Height: laneTop + laneHeight*len(t.Streams) + laneHeight,
		Bottom: laneTop + laneHeight*len(t.Streams),
	}
	x := func(d time.Duration) int {
		if t.Took <= 0 {
			return pictureLeft
		}
		return pictureLeft + int(int64(pictureWidth-pictureLeft)*int64(min(max(d, 0), t.Took))/int64(t.Took))
	}
	for i, s := range t.Steps {
		p.Steps = append(p.Steps, stepView{
			Number: i + 1, At: console.Duration(s.Began), Name: s.Name, Fared: t.fared(i), X: x(s.Began),
			LabelX: x(s.Began), LabelY: laneTop - blockHeight,
		})
	}
	for i := range ticks + 1 {
		d := t.Took * time.Duration(i) / ticks
		p.Ticks = append(p.Ticks, tick{x(d), fmt.Sprintf("%.1f s", d.Seconds()), i == ticks})
	}
	for i, s := range t.Streams {
		c := Count(s)
		y := laneTop + laneHeight*i
		p.Lanes = append(p.Lanes, lane{
			Name: s.Name, Y: y, TextY: y + blockHeight - 3, Blocks: blocks(s, x),
			Counts: fmt.Sprintf("%d delivered, %d refused, %d lost", c.Delivered, c.Refused, c.Lost),
		})
	}
	return p
}

// blocks are the runs of messages that have the same fate.
func blocks(s Stream, x func(time.Duration) int) (all []block) {
	for i := 0; i < len(s.Messages); {
		first, k := s.Messages[i], i
		for k < len(s.Messages) && s.Messages[k].Fate == first.Fate && s.Messages[k].Reason == first.Reason {
			k++
		}
		end := s.Messages[k-1].Ended
		if k < len(s.Messages) {
			end = s.Messages[k].Began
		}
		says := fmt.Sprintf("#%d to #%d: %s", first.Number, s.Messages[k-1].Number, first.Fate)
		if first.By != "" {
			says += " by the " + string(first.By)
		}
		if first.Reason != "" {
			says += ", " + string(first.Reason)
		}
		from := x(first.Began)
		all = append(all, block{X: from, Width: max(1, x(end)-from), Fate: first.Fate, Says: says})
		i = k
	}
	return all
}
