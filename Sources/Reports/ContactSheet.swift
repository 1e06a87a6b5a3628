/// A page that shows many samples of a data set at a glance.
///
/// Self-contained and escaped like ``SearchPage``.
public struct ContactSheet: Sendable {
    /// One sample on the sheet.
    public struct Cell: Sendable {
        /// The sample's key.
        public var key: String
        /// Its captions; the first is shown.
        public var captions: [String]
        /// Its picture, or nil for a placeholder.
        public var thumbnail: Thumbnail?

        /// Makes a cell.
        public init(key: String, captions: [String], thumbnail: Thumbnail?) {
            self.key = key
            self.captions = captions
            self.thumbnail = thumbnail
        }
    }

    /// The heading, usually the data set's name.
    public var title: String
    /// Facts under the heading, such as ("samples", "30,000").
    public var facts: [(name: String, value: String)]
    /// The samples, in the order shown.
    public var cells: [Cell]

    /// Makes a sheet.
    public init(title: String, facts: [(name: String, value: String)], cells: [Cell]) {
        self.title = title
        self.facts = facts
        self.cells = cells
    }

    /// The page.
    public func html() -> String {
        let wellRatio = Page.wellRatio(cells.map(\.thumbnail))
        let factMarkup: [HTML] = facts.map { "<div><dt>\($0.name)</dt><dd>\($0.value)</dd></div>" }
        let cellMarkup: [HTML] = cells.enumerated().map { index, cell in
            let first = cell.captions.first { !$0.isEmpty }
            let caption: HTML =
                first.map { Page.caption($0, class: "caption") } ?? #"<p class="caption none">no caption</p>"#
            return """
                <li class="card">
                \(Page.picture(cell.thumbnail, alt: first ?? "Picture \(cell.key)", box: nil, wellRatio: wellRatio, isEager: index < 12))
                <div class="text">\(caption)<p class="source"><bdi>\(cell.key)</bdi></p></div>
                </li>

                """
        }
        let list: HTML =
            cells.isEmpty
            ? #"<p class="empty">No samples.</p>"#
            : #"<ol class="grid" style="--well-ratio:\#(wellRatio)">\#(cellMarkup)</ol>"#
        let body: HTML = """
            <header>
            <p class="eyebrow">vlmpipe data set</p>
            <h1 dir="auto" lang="">\(title)</h1>
            <dl class="facts">\(factMarkup)</dl>
            </header>
            <main>
            \(list)
            </main>
            """
        return Page.document(title: "\(title) – vlmpipe", body: body)
    }
}
