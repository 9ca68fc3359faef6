"""The work of scripts/check-report: makes reports of a load through a bad network and the pages of the course, and
looks at them."""

import html
import json
import pathlib
import re
import socket
import subprocess
import sys
import time

FOLDER, UDPRAW, *CHROMIUM = sys.argv[1:]
FOLDER = pathlib.Path(FOLDER).resolve()

HOSTILE = '"><script>document.title="bad"</script><img src=x onerror=alert(1)>\'&<'

# Measures in the page; the policy of the page forbids scripts, so it is taken out of this copy alone.
MEASURE = """<script>
const wrong = [];
document.addEventListener('securitypolicyviolation', e => wrong.push('forbidden: ' + e.blockedURI));
addEventListener('load', () => {
  const page = document.documentElement;
  if (page.scrollWidth > page.clientWidth) wrong.push('the page is wider than the window: ' + page.scrollWidth);
  for (const e of document.querySelectorAll('h1,h2,p,li,dd,dt,td,th,figcaption,pre,section')) {
    if (e.closest('.scroll') || getComputedStyle(e).overflowX == 'auto' || !e.getClientRects().length) continue;
    const box = e.getBoundingClientRect();
    if (box.right > page.clientWidth + 1 || e.scrollWidth > e.clientWidth + 1 && e.clientWidth)
      wrong.push('overflows: ' + e.tagName + ' ' + e.textContent.slice(0, 40));
  }
  let texts = 0;
  for (const svg of document.querySelectorAll('svg')) {
    const frame = svg.getBoundingClientRect();
    if (!frame.width) continue;
    const boxes = [];
    for (const e of svg.querySelectorAll('text')) {
      const box = e.getBoundingClientRect();
      texts += 1;
      if (box.left < frame.left - 1 || box.right > frame.right + 1 ||
        box.top < frame.top - 1 || box.bottom > frame.bottom + 1)
        wrong.push('leaves its picture: ' + e.textContent);
      if (box.height < 8) wrong.push('too small to read: ' + e.textContent);
      for (const other of boxes)
        if (box.left < other.right && other.left < box.right &&
          box.top < other.bottom - 3 && other.top < box.bottom - 3)
          wrong.push('overlaps: ' + e.textContent);
      boxes.push(box);
    }
    if (!svg.querySelector('title') || svg.getAttribute('role') != 'img') wrong.push('a picture without a title');
  }
  if (!texts && EXPECTS_PICTURES) wrong.push('no picture is shown');
  for (const entry of performance.getEntriesByType('resource')) wrong.push('requested: ' + entry.name);
  if (document.querySelector('img,link,iframe') || document.scripts.length > 1) wrong.push('a foreign element');
  page.dataset.wrong = JSON.stringify(wrong);
});
</script>"""


def run(*command, **options):
    return subprocess.run(command, capture_output=True, text=True, timeout=120, **options)


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def browse(page, *flags):
    return run(*CHROMIUM, *flags, page.as_uri())


def measured(page, width, *flags, pictures=True):
    """What is wrong with a page in a window of this width."""
    text = page.read_text()
    policy = re.search(r'<meta http-equiv="Content-Security-Policy" content="([^"]*)">', text)
    if not policy or "default-src 'none'" not in html.unescape(policy.group(1)):
        return ["the page has no policy"]
    # The same policy with scripts: what else it forbids is seen as a violation.
    loose = policy.group(0).replace("default-src 'none';", "default-src 'none'; script-src 'unsafe-inline';")
    loose = loose.replace("default-src &#39;none&#39;;", "default-src 'none'; script-src 'unsafe-inline';")
    measure = MEASURE.replace("EXPECTS_PICTURES", json.dumps(pictures))
    copy = page.with_name(page.stem + ".measured.html")
    copy.write_text(text.replace(policy.group(0), loose).replace("</head>", measure + "</head>"))
    # A window is at least 500 wide; a frame can be narrower.
    if width < 500:
        frame = page.with_name(page.stem + ".frame.html")
        frame.write_text(
            f"<body style=margin:0><iframe id=f src={copy.name}"
            f" style='width:{width}px;height:6000px;border:0'></iframe>"
            "<script>onload=()=>setTimeout(()=>{document.documentElement.dataset.wrong="
            "f.contentDocument.documentElement.dataset.wrong},200)</script>"
        )
        copy = frame
    done = browse(copy, f"--window-size={max(width, 500)},1200", "--allow-file-access-from-files", "--dump-dom", *flags)
    found = re.search(r'data-wrong="([^"]*)"', done.stdout)
    return json.loads(html.unescape(found.group(1))) if found else ["it was not measured: " + done.stderr[-300:]]


def make():
    """Reports of a benchmark, of one load, of two merged ones with a hostile name, and of a comparison."""
    bench = run(UDPRAW, "bench", "--time", "10ms", "--trials", "5", "--size", "64", "--report", FOLDER / "bench.html")
    assert (FOLDER / "bench.html").exists(), bench.stderr
    inner, outer = free_port(), free_port()
    server = subprocess.Popen([UDPRAW, "server", "127.0.0.1", str(inner), "--reply", "echo", "--quiet"],
                              stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    relay = subprocess.Popen(
        [UDPRAW, "relay", "--listen", f"127.0.0.1:{outer}", "--to", f"127.0.0.1:{inner}", "--loss", "2%",
         "--delay", "2ms", "--jitter", "1ms", "--duplicate", "1%", "--seed", "1"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )
    try:
        time.sleep(0.5)
        load = [UDPRAW, "load", f"127.0.0.1:{outer}", "--interval", "100ms", "--json"]
        one = run(*load, "--rate", "200pps..2kpps/4s", "--report", FOLDER / "one.html", "--svg", FOLDER / "svg")
        assert (FOLDER / "one.html").exists(), one.stderr
        evil = FOLDER / "evil.json"
        (FOLDER / "one.json").write_text(one.stdout)
        two = run(*load, "--rate", "1kpps", "--for", "3s", "--run-id", HOSTILE)
        # A target that is no address, as a forged file can have it.
        evil.write_text(two.stdout.replace(f'"127.0.0.1:{outer}"', json.dumps(HOSTILE)))
        named = FOLDER / 'a "<b>name.json'
        named.write_text(two.stdout)
        for files, name in [([evil], "evil"), ([FOLDER / "one.json", named], "merged"),
                            ([named, "--against", FOLDER / "one.json"], "compared")]:
            done = run(UDPRAW, "report", *files, "--html", FOLDER / f"{name}.html")
            assert done.returncode in (0, 1), done.stderr
    finally:
        for child in (server, relay):
            child.terminate()
            child.wait()


def course():
    """The pages of the course, in each language; what is wrong with them."""
    folder = FOLDER / "course"
    done = run(UDPRAW, "learn", "export", "--html", folder)
    assert done.returncode == 0, done.stderr
    pages = sorted(folder.rglob("*.html"))
    assert len(pages) > 50, pages
    for page in pages:
        for width in (1000, 360):
            yield f"{page.relative_to(folder)}, {width} wide", measured(page, width, pictures=False)
    for language in ("en", "zh"):
        browse(folder / language / "danger.html", f"--screenshot={FOLDER / f'course-{language}.png'}",
               "--window-size=1000,2400")


def main():
    make()
    failures = checks = 0
    for name, wrong in course():
        checks += 1
        if wrong:
            failures += 1
            print(f"{name}:", *wrong[:8], sep="\n  ", file=sys.stderr)
    dark = "--blink-settings=preferredColorScheme=0"
    for name in ["bench", "one", "evil", "merged", "compared"]:
        page = FOLDER / f"{name}.html"
        for kind, width, flags in [("light", 1000, []), ("dark", 1000, [dark]), ("narrow", 360, []),
                                   ("tablet", 700, [])]:
            wrong = measured(page, width, *flags)
            checks += 1
            if wrong:
                failures += 1
                print(f"{name}, {kind}:", *wrong[:8], sep="\n  ", file=sys.stderr)
        title = re.search(r"<title>(.*?)</title>", browse(page, "--dump-dom").stdout, re.S)
        checks += 1
        if not title or title.group(1) == "bad":
            failures += 1
            print(f"{name}: a hostile name ran as a script", file=sys.stderr)
    page = FOLDER / "one.html"
    shot = "--screenshot={}"
    browse(FOLDER / "bench.html", shot.format(FOLDER / "bench.png"), "--window-size=1000,2700")
    browse(page, shot.format(FOLDER / "light.png"), "--window-size=1000,2700")
    browse(page, shot.format(FOLDER / "dark.png"), "--window-size=1000,2700", dark)
    browse(FOLDER / "one.frame.html", shot.format(FOLDER / "narrow.png"), "--window-size=500,3600",
           "--allow-file-access-from-files")
    browse(page, f"--print-to-pdf={FOLDER / 'paper.pdf'}", "--no-pdf-header-footer")
    for picture in sorted((FOLDER / "svg").glob("*.svg")):
        browse(picture, shot.format(picture.with_suffix(".png")), "--window-size=880,360")
        checks += 1
        if not picture.with_suffix(".png").exists():
            failures += 1
            print(f"{picture.name} is not shown", file=sys.stderr)
    print(f"check-report: {checks - failures} passed, {failures} failed; pictures in {FOLDER}")
    sys.exit(failures > 0)


main()
