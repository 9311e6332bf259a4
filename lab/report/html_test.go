package report_test

import (
	"io"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/mtlslab/mtlslab/lab/finding"
	"github.com/mtlslab/mtlslab/lab/report"
)

// checkHTML wants a page that stands alone, on which what a peer said is text and every fault
// and finding has its place.
func checkHTML(t *testing.T, got []byte, a finding.Audit) {
	t.Helper()
	page := string(got)
	for _, raw := range []string{"<script", "<b>&amp;]]>", "http:", " src=", " href=", "url(", "@import", "ZgotmplZ"} {
		if strings.Contains(page, raw) {
			t.Errorf("there is %q", raw)
		}
	}
	for _, f := range a.Findings {
		if strings.Count(page, "<code>"+f.Case+"</code>") == 0 {
			t.Errorf("%s is nowhere", f.Case)
		}
	}
	if n := strings.Count(page, "<article"); n != len(a.Faults())+len(a.Incidents) {
		t.Errorf("%d articles of %d faults and %d incidents", n, len(a.Faults()), len(a.Incidents))
	}
}

// TestAuditPage opens the page of an audit in a browser: wide, on a telephone, in the dark,
// printed.
func TestAuditPage(t *testing.T) {
	t.Parallel()
	a := everything()
	for i := range a.Findings {
		if a.Findings[i].Status == finding.Failed {
			a.Findings[i].Steps = []finding.Step{
				{By: "adversary", Says: "ClientHello"}, {Says: "a note"}, {By: "server", Says: "alert " + hostile, At: 12345678},
			}
		}
	}
	v := openPage(browser(t), t, func(w io.Writer) error { return report.HTML(w, a) })
	v.is(`document.querySelectorAll("script, img, a, b b").length === 0`)
	v.is(`document.querySelector("header .verdict").textContent === "failed"`)
	v.is(`document.querySelector("#faults details[open] .ladder .right").offsetLeft >
		document.querySelector("#faults details[open] .ladder .left").offsetLeft`)
	v.is(`getComputedStyle(document.querySelector("header .verdict")).color === "rgb(163, 50, 26)"`)
	v.picture("audit")
	v.do(click(`#all summary`), appears(`#all details[open] li`))
	v.do(v.size(400, 860))
	v.is(`document.documentElement.scrollWidth <= 400`)
	v.do(v.scheme("dark"))
	v.is(`getComputedStyle(document.body).backgroundColor === "rgb(21, 23, 26)"`)
	v.picture("audit-narrow-dark")
	v.do(call(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: "print"}))
	v.is(`getComputedStyle(document.body).backgroundColor === "rgba(0, 0, 0, 0)"`)
	v.is(`getComputedStyle(document.querySelector("article")).breakInside === "avoid"`)
	text := get(v, chromedp.Text(chromedp.CSS("body")))
	for _, want := range []string{"Who gets in", "What is wrong", "Every finding"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in %s", want, text)
		}
	}
	v.clean()
}
