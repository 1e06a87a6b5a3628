import Foundation
import Testing

@testable import Reports

/// Texts that try to leave their place in the markup.
let hostileTexts = [
    "<script>alert(1)</script>", "\"><img src=x onerror=alert(1)>", "' onmouseover='alert(1)", "</title><script>",
    "</style><script>", "--><script>", "]]><script>", "&lt;script&gt;", "javascript:alert(1)", "`${alert(1)}`",
    "\u{0}\u{8}\u{1B}[31m\u{7F}\u{85}", "\u{202E}gpj.exe\u{202C}\u{2066}x\u{2069}\u{200E}\u{200F}\u{61C}\u{FEFF}",
    "a\u{2028}b\u{2029}c", "\u{FFFE}\u{1FFFF}", "قطة برتقالية", "橙色的猫", String(repeating: "e\u{301}", count: 99),
    "x" + String(repeating: "\u{330}", count: 5000), "<svg/onload=alert(1)>", "{{7*7}}", "<!--", "<base href=//evil>",
]

@Suite("Pages")
struct PageTests {
    static let jpeg: [UInt8] = [0xFF, 0xD8, 0xFF, 0xE0, 1, 2, 3]

    /// Checks that the document is well-formed XML-like markup with only the elements and attributes that our pages have.
    private func check(_ html: String) throws {
        var rest = html[...]
        // The style sheet is ours and holds no markup; the policy's quotes are escaped.
        if let start = rest.range(of: "<style>"), let end = rest.range(of: "</style>") {
            rest = html[..<start.lowerBound] + html[end.upperBound...]
        }
        let elements: Set<String> = [
            "!DOCTYPE", "html", "head", "meta", "title", "body", "header", "main", "footer", "p", "h1", "dl", "div",
            "dt",
            "dd", "ol", "li", "img", "span", "details", "summary", "bdi", "b", "br",
        ]
        let attributes: Set<String> = [
            "html", "lang", "charset", "http-equiv", "content", "name", "class", "dir", "style", "src", "alt", "width",
            "height", "loading", "decoding", "aria-label", "aria-hidden", "role",
        ]
        let tag = try Regex("<(/?)([!A-Za-z0-9]+)((?: [^<>]*)?)>")
        let attribute = try Regex("([a-zA-Z-]+)(?:=\"([^\"]*)\")?")
        var open: [String] = []
        for match in String(rest).matches(of: tag) {
            let name = String(match.output[2].substring ?? "")
            #expect(elements.contains(name), "\(name)")
            if match.output[1].substring == "/" {
                #expect(open.popLast() == name)
                continue
            }
            if !["!DOCTYPE", "meta", "img", "br"].contains(name) { open.append(name) }
            for part in (match.output[3].substring.map(String.init) ?? "").matches(of: attribute) {
                let key = String(part.output[1].substring ?? "")
                #expect(attributes.contains(key), "\(name) \(key)")
                if key == "src" { #expect(part.output[2].substring?.hasPrefix("data:image/") == true) }
            }
        }
        #expect(open == [])
        #expect(!String(rest).replacing(tag, with: "").contains(where: { $0 == "<" || $0 == ">" }))
        for scalar in html.unicodeScalars where scalar != "\n" && scalar != "\t" {
            #expect(!scalar.isUnsafeToShow, "U+\(String(scalar.value, radix: 16))")
        }
        #expect(html.contains("default-src &#39;none&#39;"))
    }

    @Test("every string stays in its place", arguments: hostileTexts)
    func hostile(text: String) throws {
        var hit = sampleHit(key: text, captions: [text, text], box: .init(x: 1, y: 1, width: 2, height: 2))
        hit.dataset = text
        hit.shard = text
        var result = sampleResult(query: text, hits: [hit, hit])
        result.mode = text
        result.space = text
        let thumbnail = Thumbnail(bytes: Self.jpeg, pixelWidth: 40, pixelHeight: 30)
        try check(SearchPage(result: result, thumbnails: [thumbnail, nil], note: text).html())
    }

    @Test("what a reader must find")
    func content() throws {
        let hits = [
            sampleHit(rank: 1, key: "first", captions: ["an orange cat", "أهلا"]),
            sampleHit(rank: 2, key: "second", captions: [""]),
        ]
        let page = SearchPage(
            result: sampleResult(query: "orange & cat", hits: hits),
            thumbnails: [Thumbnail(bytes: Self.jpeg, pixelWidth: 4, pixelHeight: 3)], indexedCount: 12_345
        ).html()
        #expect(page.contains("<title>orange &amp; cat – vlmpipe search</title>"))
        #expect(page.contains(#"src="data:image/jpeg;base64,/9j/4AECAw==" alt="an orange cat""#))
        #expect(page.contains(#"<p class="caption" dir="auto" lang="">أهلا</p>"#))
        #expect(page.contains("12,345"))
        #expect(page.contains("1.5 ms"))
        #expect(page.contains("no caption") && page.contains("no picture"))
        #expect(page.contains("prefers-color-scheme: dark"))
        #expect(!page.contains("http://") && !page.contains("https://") && !page.contains("<script"))
    }

    @Test("no hits, and no finite score")
    func empty() throws {
        try check(SearchPage(result: sampleResult(query: "", hits: []), thumbnails: []).html())
        var hit = sampleHit()
        for score in [Float.nan, .infinity, -1, 0] {
            hit.score = score
            let html = SearchPage(result: sampleResult(hits: [hit]), thumbnails: []).html()
            try check(html)
            #expect(html.contains("style=\"width:0%\""))
        }
    }

    @Test(
        "the box is a share of the picture and stays inside it",
        arguments: [
            (SearchHit.Box(x: 10, y: 30, width: 50, height: 60), "left:10%;top:15%;width:50%;height:30%"),
            (SearchHit.Box(x: -5, y: 190, width: 500, height: 60), "left:0%;top:95%;width:100%;height:5%"),
            (SearchHit.Box(x: 500, y: 0, width: 1, height: 1), "left:100%;top:0%;width:0%;height:0.5%"),
        ])
    func box(box: SearchHit.Box, style: String) {
        let thumbnail = Thumbnail(bytes: Self.jpeg, pixelWidth: 100, pixelHeight: 200)
        let html = SearchPage(result: sampleResult(hits: [sampleHit(box: box)]), thumbnails: [thumbnail]).html()
        #expect(html.contains(style))
    }

    @Test(
        "thumbnails that are no picture are not embedded",
        arguments: [[], [0xFF], Array("<svg onload=alert(1)>".utf8), Array("GIF89a".utf8)] as [[UInt8]])
    func foreign(bytes: [UInt8]) throws {
        let thumbnail = Thumbnail(bytes: bytes, pixelWidth: 4, pixelHeight: 4)
        let html = SearchPage(result: sampleResult(hits: [sampleHit()]), thumbnails: [thumbnail]).html()
        #expect(html.contains("no picture") && !html.contains("data:image"))
        #expect(Thumbnail(bytes: Self.jpeg, pixelWidth: 0, pixelHeight: 4).dataAddress != nil)
        try check(
            SearchPage(
                result: sampleResult(hits: [sampleHit()]),
                thumbnails: [Thumbnail(bytes: Self.jpeg, pixelWidth: 0, pixelHeight: 4)]
            ).html())
    }
}
