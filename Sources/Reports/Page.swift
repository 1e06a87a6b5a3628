/// The frame of every page: one file, no script, no request to anywhere, light and dark.
enum Page {
    /// A whole document. `title` is text, `body` markup.
    static func document(title: String, body: HTML) -> String {
        // The policy is the second lock: even if escaping failed, nothing could run or be loaded.
        let policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
        let html: HTML = """
            <!DOCTYPE html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta http-equiv="Content-Security-Policy" content="\(policy)">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <meta name="color-scheme" content="light dark">
            <meta name="referrer" content="no-referrer">
            <title>\(title)</title>
            <style>
            \(HTML(stringLiteral: style))
            </style>
            </head>
            <body>
            \(body)
            </body>
            </html>

            """
        return html.markup
    }

    /// The shape of all wells of a page: the median of the pictures' shapes, so that most of them fill their well,
    /// between upright 4:5 and 3:2.
    static func wellRatio(_ thumbnails: [Thumbnail?]) -> Double {
        let ratios = thumbnails.compactMap(\.self).filter { $0.pixelWidth > 0 && $0.pixelHeight > 0 }
            .map { Double($0.pixelWidth) / Double($0.pixelHeight) }.sorted()
        return ratios.isEmpty ? 4.0 / 3.0 : min(max(ratios[ratios.count / 2], 0.8), 1.5)
    }

    /// A picture in its well, with a box drawn on it if there is one.
    ///
    /// `wellRatio` is the well's width over its height, from ``wellRatio(_:)``.
    static func picture(
        _ thumbnail: Thumbnail?, alt: String, box: SearchHit.Box?, wellRatio: Double, isEager: Bool
    ) -> HTML {
        guard let thumbnail, let address = thumbnail.dataAddress, thumbnail.pixelWidth > 0, thumbnail.pixelHeight > 0
        else {
            return #"<div class="well missing" role="img" aria-label="\#(alt)"><span>no picture</span></div>"#
        }
        let width = Double(thumbnail.pixelWidth)
        let height = Double(thumbnail.pixelHeight)
        let shape = width / height >= wellRatio ? "wide" : "tall"
        var overlay: HTML = ""
        if let box {
            let x = min(max(Double(box.x), 0), width)
            let y = min(max(Double(box.y), 0), height)
            let boxWidth = min(max(Double(box.width), 0), width - x)
            let boxHeight = min(max(Double(box.height), 0), height - y)
            overlay = """
                <span class="box" style="left:\(100 * x / width)%;top:\(100 * y / height)%;\
                width:\(100 * boxWidth / width)%;height:\(100 * boxHeight / height)%"></span>
                """
        }
        return """
            <div class="well"><div class="shot \(shape)" style="aspect-ratio:\(thumbnail.pixelWidth)/\(thumbnail.pixelHeight)">\
            <img src="\(address)" alt="\(alt)" width="\(thumbnail.pixelWidth)" height="\(thumbnail.pixelHeight)" \
            loading="\(isEager ? "eager" : "lazy")" decoding="async">\(overlay)</div></div>
            """
    }

    /// A caption in whatever language: its own direction, no claim about its language.
    static func caption(_ text: String, class name: String) -> HTML {
        #"<p class="\#(name)" dir="auto" lang="">\#(text)</p>"#
    }

    private static let style = """
        :root {
          --paper: #f6f5f2; --card: #ffffff; --well: #eceae5; --ink: #1d1c1a; --soft: #5d5a54; --line: #e1ded7;
          --accent: #b4470f; --accent-soft: #f1dccd; --shadow: 0 1px 2px rgb(40 30 20 / .06), 0 6px 20px rgb(40 30 20 / .05);
          --sans: system-ui, -apple-system, "Segoe UI", "Noto Sans", "Noto Sans CJK SC", "PingFang SC", sans-serif;
          --mono: ui-monospace, "SF Mono", "Cascadia Mono", "Noto Sans Mono", monospace;
        }
        @media (prefers-color-scheme: dark) {
          :root {
            --paper: #141415; --card: #1e1e20; --well: #0e0e0f; --ink: #ecebe8; --soft: #a5a29b; --line: #303033;
            --accent: #f19a5b; --accent-soft: #4a3020; --shadow: none;
          }
        }
        * { box-sizing: border-box; }
        html { -webkit-text-size-adjust: 100%; }
        body {
          margin: 0; padding: clamp(1.25rem, 4vw, 3rem) clamp(1rem, 4vw, 3.5rem) 3rem; background: var(--paper);
          color: var(--ink); font: 400 1rem/1.5 var(--sans); font-variant-numeric: tabular-nums;
        }
        header, main, footer { max-width: 92rem; margin-inline: auto; }
        .eyebrow { margin: 0 0 .4rem; color: var(--soft); font-size: .8125rem; letter-spacing: .02em; }
        h1 {
          margin: 0; max-width: 40ch; font-size: clamp(1.6rem, 1.1rem + 2.2vw, 2.6rem); line-height: 1.15; font-weight: 650;
          letter-spacing: -.018em; overflow-wrap: anywhere; text-wrap: balance;
        }
        .facts { display: flex; flex-wrap: wrap; gap: .3rem 1.5rem; margin: 1rem 0 0; padding: 0; font-size: .875rem; }
        .facts div { display: flex; gap: .45em; }
        .facts dt { color: var(--soft); }
        .facts dd { margin: 0; font-weight: 550; overflow-wrap: anywhere; }
        .note { max-width: 65ch; margin: 1rem 0 0; padding-inline-start: .8rem; border-inline-start: 3px solid var(--accent); }
        .grid {
          display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 16.5rem), 1fr));
          gap: clamp(1rem, 1.6vw, 1.6rem); margin: clamp(1.5rem, 3vw, 2.4rem) 0 0; padding: 0; list-style: none;
        }
        .card {
          display: flex; flex-direction: column; min-width: 0; overflow: hidden; border: 1px solid var(--line);
          border-radius: 12px; background: var(--card); box-shadow: var(--shadow);
        }
        .well { display: grid; place-items: center; aspect-ratio: var(--well-ratio, 1.333); overflow: hidden; background: var(--well); }
        .shot { position: relative; min-width: 0; min-height: 0; max-width: 100%; max-height: 100%; }
        .shot.wide { width: 100%; }
        .shot.tall { height: 100%; }
        .shot img { display: block; width: 100%; height: 100%; }
        .box {
          position: absolute; border: 2px solid #fff; border-radius: 3px;
          box-shadow: 0 0 0 1.5px rgb(0 0 0 / .75), inset 0 0 0 1.5px rgb(0 0 0 / .75);
        }
        .missing { color: var(--soft); font-size: .875rem; }
        .text { display: flex; flex: 1; flex-direction: column; padding: .8rem 1rem .9rem; }
        .score { display: flex; align-items: center; gap: .65rem; margin: 0 0 .65rem; font-size: .8125rem; }
        .rank { min-width: 1.1em; color: var(--soft); }
        .bar { flex: 1; height: 4px; overflow: hidden; border-radius: 2px; background: var(--accent-soft); }
        .bar span { display: block; height: 100%; border-radius: 2px; background: var(--accent); }
        .value { font-weight: 600; }
        .caption { margin: 0; line-height: 1.42; overflow-wrap: anywhere; text-wrap: pretty; }
        .none { color: var(--soft); }
        details { margin-top: .45rem; font-size: .9rem; }
        summary { width: fit-content; color: var(--soft); font-size: .8125rem; cursor: pointer; }
        summary:hover { color: var(--ink); }
        summary:focus-visible { outline: 2px solid var(--accent); outline-offset: 3px; border-radius: 3px; }
        details .caption { padding-top: .35rem; color: var(--soft); }
        .source {
          margin: auto 0 0; padding-top: .75rem; color: var(--soft); font: .75rem/1.5 var(--mono); overflow-wrap: anywhere;
        }
        .source b { color: var(--ink); font-weight: 500; }
        .empty { margin: 4rem 0; color: var(--soft); font-size: 1.1rem; }
        footer { margin-top: 2.5rem; padding-top: 1rem; border-top: 1px solid var(--line); color: var(--soft); font-size: .8125rem; }
        @media print {
          body { padding: 0; background: #fff; }
          .card { break-inside: avoid; box-shadow: none; }
        }
        """
}
