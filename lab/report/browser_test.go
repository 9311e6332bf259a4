package report_test

import (
	"bytes"
	"context"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/mtlslab/mtlslab/lab/card"
	"github.com/mtlslab/mtlslab/lab/finding"
)

// patience is for a machine that has much else to do; nothing here takes a second.
const patience = 3 * time.Minute

// browser starts Chromium, or skips the test where there is none.
func browser(t *testing.T) context.Context {
	t.Helper()
	program := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if path, err := exec.LookPath(name); err == nil {
			program = path
			break
		}
	}
	if program == "" && os.Getenv("MTLSLAB_REQUIRE_BROWSER") == "1" {
		t.Fatal("MTLSLAB_REQUIRE_BROWSER is 1, and there is no Chromium")
	} else if program == "" {
		t.Skip("there is no Chromium")
	}
	if testing.Short() {
		t.Skip("a browser takes seconds to start")
	}
	// Its own sandbox wants rights that root and most containers do not have. It is
	// given a page of ours and nothing else.
	options := append(
		slices.Clone(chromedp.DefaultExecAllocatorOptions[:]),
		chromedp.ExecPath(program),
		chromedp.NoSandbox,
		chromedp.WSURLReadTimeout(patience),
	)
	ctx, cancel := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil { // starts it, for as long as the context lasts
		t.Fatal(err)
	}
	return ctx
}

// TestPage opens the page in a browser, in a tab for each of these.
func TestPage(t *testing.T) {
	t.Parallel()
	ctx := browser(t)
	for name, test := range map[string]func(context.Context, *testing.T){
		"click": testClick, "keyboard": testKeyboard, "narrow": testNarrow, "hostile": testHostile,
		"advised": testAdvised, "no scripts": testWithoutScripts,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(ctx, t)
		})
	}
}

// visit is a page that is open, and what it did that it must not.
type visit struct {
	t    *testing.T
	ctx  context.Context //nolint:containedctx // it is not a call's, but chromedp's handle of the page
	file string

	mu       sync.Mutex
	requests []string
	errors   []string
}

// open opens the scorecard from a file, in a profile of its own: the theme that
// somebody chose is kept for all pages of one.
func open(ctx context.Context, t *testing.T, sc finding.Scorecard) *visit {
	t.Helper()
	return openPage(ctx, t, func(w io.Writer) error { return card.HTML(w, sc) })
}

// openPage opens a page likewise.
func openPage(ctx context.Context, t *testing.T, write func(io.Writer) error) *visit {
	t.Helper()
	ctx, cancel := chromedp.NewContext(ctx, chromedp.WithNewBrowserContext())
	t.Cleanup(cancel)
	v := &visit{t: t, ctx: ctx, file: filepath.Join(t.TempDir(), "page.html")}
	var page bytes.Buffer
	if err := write(&page); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(v.file, page.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := chromedp.Listen(v.ctx, func(event any) {
		v.mu.Lock()
		defer v.mu.Unlock()
		switch event := event.(type) {
		case *network.EventRequestWillBeSent:
			v.requests = append(v.requests, event.Request.URL)
		case *log.EventEntryAdded:
			v.errors = append(v.errors, event.Entry.Text)
		case *runtime.EventConsoleAPICalled:
			v.errors = append(v.errors, "console: "+string(event.Type))
		case *runtime.EventExceptionThrown:
			v.errors = append(v.errors, event.ExceptionDetails.Text)
		}
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := chromedp.Call(v.ctx, network.Enable, network.EnableParams{}); err != nil {
		t.Fatal(err)
	}
	v.do(v.size(1440, 1000), v.scheme("light"), v.navigate(""))
	return v
}

// do runs the steps, which must be done within a time.
func (v *visit) do(steps ...chromedp.Action[chromedp.Void]) {
	v.t.Helper()
	ctx, cancel := context.WithTimeout(v.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		v.t.Fatal(err)
	}
}

// get runs a step that has a result.
func get[T any](v *visit, step chromedp.Action[T]) T {
	v.t.Helper()
	ctx, cancel := context.WithTimeout(v.ctx, patience)
	defer cancel()
	result, err := chromedp.Run(ctx, step)
	if err != nil {
		v.t.Fatal(err)
	}
	return result
}

func call[P any](command cdp.Command[P, cdp.Empty], params P) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, command, params)
		return err
	})
}

func click(selector chromedp.CSS) chromedp.Action[chromedp.Void] {
	return chromedp.Click(selector, chromedp.NodeVisible)
}

func appears(selector chromedp.CSS) chromedp.Action[chromedp.Void] {
	return chromedp.WaitVisible(selector)
}

func (v *visit) address() *url.URL { return &url.URL{Scheme: "file", Path: v.file} }

func (v *visit) navigate(fragment string) chromedp.Action[chromedp.Void] {
	return chromedp.Navigate(v.address().String() + fragment)
}

func (v *visit) size(width, height int64) chromedp.Action[chromedp.Void] {
	return chromedp.EmulateViewport(width, height)
}

func (v *visit) scheme(name string) chromedp.Action[chromedp.Void] {
	return call(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: name}},
	})
}

// is evaluates the expression, which must be true.
func (v *visit) is(expression string) {
	v.t.Helper()
	if !get(v, chromedp.Evaluate[bool](expression)) {
		v.t.Errorf("not so: %s", expression)
	}
}

// picture is the page as it is seen. Where SCREENSHOTS names a directory, it is
// kept there for a person to look at.
func (v *visit) picture(name string) []byte {
	v.t.Helper()
	png := get(v, chromedp.CaptureScreenshot())
	if dir := os.Getenv("SCREENSHOTS"); dir != "" {
		if err := os.WriteFile(filepath.Join(dir, name+".png"), png, 0o600); err != nil {
			v.t.Fatal(err)
		}
	}
	return png
}

// clean checks that the page asked for nothing but itself, and complained of nothing.
func (v *visit) clean() {
	v.t.Helper()
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, request := range v.requests {
		if own, _, _ := strings.Cut(request, "?"); own != v.address().String() {
			v.t.Errorf("the page asked for %s", request)
		}
	}
	if len(v.requests) == 0 {
		v.t.Error("not even the page was asked for, so nothing would have been seen")
	}
	for _, fault := range v.errors {
		v.t.Errorf("the browser says %s", fault)
	}
}

func testClick(ctx context.Context, t *testing.T) {
	v := open(ctx, t, synthetic(t))
	light := v.picture("wide-light")
	v.is(`document.querySelectorAll("#heat button.peer").length === 28`)
	v.is(`document.documentElement.scrollWidth <= innerWidth`)

	// A click on a cell opens its cases, and on a case what happened.
	v.do(click(`#heat button[aria-label^="redis, insider: "]`), appears(`#panel .case`))
	v.is(`document.querySelector("#panel h2").textContent === "redis, insider"`)
	v.is(`document.querySelectorAll("#panel .detail").length === 0`)
	v.do(click(`#panel .case[data-case="identity/other-id"]`), appears(`#panel .detail`))
	for _, want := range []string{
		"The adversary has the ID of another client.", "is let in", "200, and the message is in its log",
		"URI:spiffe://lab/intruder",
		"to be refused", "policy: the server is told to admit", "mtlslab scorecard --peer redis --case " +
			"identity/other-id --version 1.3 -v", "Repeat it",
	} {
		v.is(`document.querySelector("#panel .detail").textContent.includes("` + want + `")`)
	}
	v.is(`document.querySelector("#panel .case").getAttribute("aria-expanded") !== null`)
	v.do(click(`#panel .detail details summary`), appears(`#panel .detail details pre`))
	v.is(`document.querySelector("#panel details pre").textContent.startsWith("-----BEGIN CERTIFICATE-----\n")`)
	v.do(click(`#panel .command .copy`))
	get(v, chromedp.Poll[bool](`document.querySelector("#panel .command .copy").textContent === "Copied"`))
	v.picture("wide-light-case")
	v.is(`document.documentElement.scrollWidth <= innerWidth`)

	// Escape closes it, and the focus is where it was.
	v.do(chromedp.KeyEvent("\x1b"))
	v.is(`document.querySelectorAll("#panel .case").length === 0`)
	v.is(`document.activeElement.getAttribute("aria-label").startsWith("redis, insider: ")`)

	// A peer opens into who gets in, gravest first, and what repeats it.
	v.do(click(`#heat tr:has(.verdict.failed) .peer`), appears(`#panel .who`))
	v.is(`document.querySelectorAll("#panel .who ~ .cases .case").length > 0`)
	v.do(click(`#panel > details summary`), appears(`#panel > details pre`))
	v.is(`document.querySelector("#panel > details pre").textContent.startsWith("mtlslab ")`)
	v.picture("wide-light-peer")
	v.do(chromedp.KeyEvent("\x1b"))

	// Filters leave the rows that all of them want, and say how many these are.
	choose := func(name, value string) {
		v.is(`(() => { const one = document.querySelector('#filters [name="` + name + `"]'); one.value = "` + value +
			`"; one.dispatchEvent(new Event("change", {bubbles: true})); return one.value === "` + value + `"; })()`)
	}
	rows := `[...document.querySelectorAll("#heat tr[data-role]")].filter((row) => row.checkVisibility())`
	choose("role", "client")
	choose("library", "GnuTLS")
	v.is(
		rows + `.length > 0 && ` + rows +
			`.every((row) => row.dataset.role === "client" && row.dataset.library === "GnuTLS")`,
	)
	v.is(`document.querySelector("#filters output").textContent === ` + rows + `.length + " of 28 peers"`)
	v.picture("wide-light-filtered")
	choose("library", "")
	choose("role", "")
	choose("in", "nobody")
	v.is(rows + `.every((row) => row.dataset.in.split(" ").includes("nobody"))`)
	choose("in", "")
	v.is(rows + `.length === 28`)

	v.do(v.scheme("dark"))
	dark := v.picture("wide-dark")
	if bytes.Equal(light, dark) {
		t.Error("dark looks as light does")
	}
	v.do(click(`#theme`))
	v.is(
		`document.documentElement.dataset.theme === "light" && document.getElementById("theme").textContent === "Dark"`,
	)
	v.do(v.navigate("?again"))
	v.is(`document.documentElement.dataset.theme === "light"`)
	v.clean()
}

func testKeyboard(ctx context.Context, t *testing.T) {
	v := open(ctx, t, synthetic(t))
	v.do(chromedp.Focus(chromedp.CSS(`#heat .peer`)), chromedp.KeyEvent("\t"))
	v.is(
		`document.activeElement.matches("#heat button.mark") &&
			getComputedStyle(document.activeElement).outlineStyle === "solid"`,
	)
	v.do(chromedp.KeyEvent(kb.ArrowRight), chromedp.KeyEvent(kb.ArrowDown))
	v.is(`document.activeElement === document.querySelectorAll("#heat tbody tr")[2].querySelectorAll(".mark")[1]`)
	v.do(chromedp.KeyEvent("\r"), appears(`#panel .case`))
	v.is(`document.activeElement.id === "panel"`)
	v.do(chromedp.KeyEvent("\t\t\r"), appears(`#panel .detail`))
	v.is(`document.activeElement.matches(".case[aria-expanded=true]")`)
	v.clean()
}

func testNarrow(ctx context.Context, t *testing.T) {
	v := open(ctx, t, synthetic(t))
	v.do(v.size(400, 860), v.navigate("?narrow"))
	v.is(`document.documentElement.scrollWidth <= 400`)
	v.is(`getComputedStyle(document.getElementById("panel")).display === "none"`)
	v.picture("narrow-light")
	v.do(v.scheme("dark"))
	v.picture("narrow-dark")
	v.do(v.navigate("?again#server/postgres/insider/usage%2Fno-eku"), appears(`#panel .detail`))
	v.is(`document.documentElement.scrollWidth <= 400 && document.getElementById("panel").scrollWidth <= 400`)
	v.picture("narrow-dark-case")
	v.do(click(`#close`))
	v.is(`getComputedStyle(document.getElementById("panel")).display === "none"`)
	v.clean()
}

// What a peer said is text, wherever it stands.
func testHostile(ctx context.Context, t *testing.T) {
	v := open(ctx, t, few())
	v.is(`document.querySelectorAll("script").length === 2 && document.querySelectorAll("b b, img, a").length === 0`)
	v.do(click(`#heat tr:has(.failed) .peer`), appears(`#panel .facts`))
	v.is(`document.getElementById("panel").textContent.includes("</script><script>alert(2)</script>")`)
	v.picture("hostile-peer")
	v.do(click(`#heat button.mark.failed`), click(`#panel .case`), appears(`#panel .detail`))
	v.do(click(`#interop .pair`))
	v.is(`document.querySelector("#panel h2").textContent.startsWith("curl to evil|")`)
	v.picture("hostile-pair")
	v.clean()
}

// Addresses of remedies and of reports lead somewhere, and no others.
func testAdvised(ctx context.Context, t *testing.T) {
	v := open(ctx, t, advised())
	v.do(click(`#heat tr:has(.failed) .peer`), appears(`#panel .facts`))
	v.is(`[...document.querySelectorAll("#panel a")].map((a) => a.href).join(" ") ===
		"https://remedy.example/a_b?c=d#e https://reported.example/1 https://found.example/"`)
	v.clean()
}

// Without scripts the tables and what failed are there.
func testWithoutScripts(ctx context.Context, t *testing.T) {
	v := open(ctx, t, few())
	v.do(
		call(emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true}),
		v.navigate("?plain"),
	)
	text := get(v, chromedp.Text(chromedp.CSS("body")))
	for _, want := range []string{"identity/wrong-name", "delivered", "What failed", "none/of-the-known|`groups`"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in %s", want, text)
		}
	}
	v.picture("plain")
	v.clean()
}
