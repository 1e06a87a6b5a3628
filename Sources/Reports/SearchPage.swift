/// A search result as one self-contained HTML page.
///
/// No script, no request to anywhere (a content security policy says so as well), light and dark by the reader's
/// setting, readable on a telephone. Every string is escaped; captions keep their own writing direction.
///
/// ```swift
/// let page = SearchPage(result: result, thumbnails: thumbnails)
/// let html = page.html()
/// ```
public struct SearchPage: Sendable {
    /// The result to show.
    public var result: SearchResult
    /// One picture per hit in the hits' order; nil, or a missing element, shows a placeholder.
    public var thumbnails: [Thumbnail?]
    /// How many vectors the index holds of the kind that was searched, if it is to be shown.
    public var indexedCount: Int?
    /// A remark under the facts, such as "12,000 of 200,000 embedded so far".
    public var note: String?

    /// Makes a page.
    public init(result: SearchResult, thumbnails: [Thumbnail?], indexedCount: Int? = nil, note: String? = nil) {
        self.result = result
        self.thumbnails = thumbnails
        self.indexedCount = indexedCount
        self.note = note
    }

    /// The page. Deterministic; about 4/3 of the thumbnails' bytes and 2 kB per hit.
    public func html() -> String {
        let wellRatio = Page.wellRatio(thumbnails)
        let best = result.hits.map(\.score).filter(\.isFinite).max() ?? 0
        let cards = result.hits.enumerated().map { index, hit in
            card(
                hit, thumbnail: index < thumbnails.count ? thumbnails[index] : nil, best: best, wellRatio: wellRatio,
                isEager: index < 12)
        }
        let count = result.hits.count
        let noteMarkup: HTML = note.map { #"<p class="note">\#($0)</p>"# } ?? ""
        let list: HTML =
            cards.isEmpty
            ? #"<p class="empty">Nothing matched. Fewer conditions (--where, --min-score, --dataset) may help.</p>"#
            : #"<ol class="grid" style="--well-ratio:\#(wellRatio)">\#(cards)</ol>"#
        let query = result.query.isEmpty ? "(empty query)" : result.query
        let body: HTML = """
            <header>
            <p class="eyebrow">vlmpipe search</p>
            <h1 dir="auto" lang="">\(query)</h1>
            <dl class="facts">\(facts(count))</dl>
            \(noteMarkup)
            </header>
            <main>
            \(list)
            </main>
            <footer>Scores are similarities in this space, higher is better; bars are relative to the best hit.</footer>
            """
        return Page.document(title: "\(query) – vlmpipe search", body: body)
    }

    private func facts(_ count: Int) -> [HTML] {
        var facts: [HTML] = [fact("Hits", groupedText(count))]
        if let indexedCount { facts.append(fact("Indexed", groupedText(indexedCount))) }
        var mode = result.mode
        if let recall = result.recall { mode += ", recall \(decimalText(recall, digits: 3, trims: true))" }
        facts.append(fact("Mode", mode))
        facts.append(fact("Time", durationText(milliseconds: result.milliseconds)))
        facts.append(fact("Space", String(result.space.prefix(12))))
        return facts
    }

    private func fact(_ name: String, _ value: String) -> HTML {
        "<div><dt>\(name)</dt><dd>\(value)</dd></div>"
    }

    private func card(_ hit: SearchHit, thumbnail: Thumbnail?, best: Float, wellRatio: Double, isEager: Bool) -> HTML {
        let share = best > 0 && hit.score.isFinite ? Double(min(max(hit.score / best, 0), 1)) : 0
        let first = hit.captions.first { !$0.isEmpty }
        let others = hit.captions.drop { $0.isEmpty }.dropFirst()
        let captionMarkup: HTML =
            first.map { Page.caption($0, class: "caption") } ?? #"<p class="caption none">no caption</p>"#
        var more: HTML = ""
        if !others.isEmpty {
            let name = others.count == 1 ? "1 more caption" : "\(others.count) more captions"
            more = "<details><summary>\(name)</summary>\(others.map { Page.caption($0, class: "caption") })</details>"
        }
        var place = hit.shard
        if let box = hit.box { place += " · \(box.width)×\(box.height) at \(box.x), \(box.y)" }
        return """
            <li class="card">
            \(Page.picture(thumbnail, alt: first ?? "Picture \(hit.key)", box: hit.box, wellRatio: wellRatio, isEager: isEager))
            <div class="text">
            <p class="score"><span class="rank" aria-label="rank \(hit.rank)">\(hit.rank)</span>\
            <span class="bar" aria-hidden="true"><span style="width:\(100 * share)%"></span></span>\
            <span class="value" aria-label="score">\(decimalText(Double(hit.score), digits: 3))</span></p>
            \(captionMarkup)
            \(more)
            <p class="source"><bdi><b>\(hit.key)</b></bdi><br><bdi>\(hit.dataset)</bdi> · <bdi>\(place)</bdi></p>
            </div>
            </li>

            """
    }
}
