import Foundation
import Samples
import Testing

@testable import Shards

@Suite struct ManifestTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func manifest(
        _ name: String, _ bytes: [UInt8], change: (inout ManifestOptions) throws -> Void = { _ in }
    ) throws -> Manifest {
        var options = ManifestOptions()
        try change(&options)
        let path = try folder.write(name, bytes)
        return try Manifest(file: try ReadOnlyFile(path: path), options: options)
    }

    private func items(_ manifest: Manifest, base: String? = nil, offset: Int64? = nil) throws -> [ManifestItem] {
        var reader = manifest.reader(rootPath: folder.path, base: base ?? folder.path, offset: offset)
        var items: [ManifestItem] = []
        while let item = try reader.next() { items.append(item) }
        return items
    }

    @Test func readsQuotedCellsAndTypes() throws {
        let text = """
            id,filename,title,price,stock,code,note\r
            7,a/x.jpg,"A ""red"" chair,\nwith arms",12.50,-3,007,\r
            \r
            8,"b, c.png",Table,1e3,,A7,"  spaced "
            """
        let manifest = try manifest("t.csv", Array(text.utf8))
        #expect(manifest.format == .delimited(UInt8(ascii: ",")))
        #expect(manifest.columns.images == ["filename"])
        #expect(manifest.columns.captions == ["title"])
        #expect(manifest.columns.key == "id")
        #expect(manifest.outline.contains("',', UTF-8; images from 'filename'; captions from 'title'; keys from 'id'"))
        let items = try items(manifest)
        #expect(items.map(\.key) == ["7", "8"])
        #expect(items.map(\.path) == ["a/x.jpg", "b, c.png"])
        #expect(items[0].captions == ["A \"red\" chair,\nwith arms"])
        #expect(items[0].attributes.map(\.name) == ["price", "stock", "code"])
        #expect(items[0].attributes.map(\.value) == [.real(12.5), .integer(-3), .text("007")])
        #expect(items[1].attributes.map(\.value) == [.real(1000), .text("A7"), .text("spaced")])
        #expect(try self.items(manifest, offset: items[1].offset) == [items[1]])
    }

    @Test(
        arguments: [
            ("utf8", "image;text\nä.png;größer €\n", TextEncoding.utf8),
            ("mark", "image\ttext\nä.png\tgrößer €\n", .utf8),
            ("latin1", "image|text\nä.png|größer €\n", .latin1),
            ("utf16le", "image;text\nä.png;größer €\u{1F600}\n", .utf16LittleEndian),
            ("utf16be", "image;text\nä.png;größer €\u{1F600}\n", .utf16BigEndian),
            ("unmarked16", "image;text\nä.png;größer €\n", .utf16LittleEndian),
        ])
    func detectsEncodingAndDelimiter(_ kind: String, _ text: String, _ encoding: TextEncoding) throws {
        let little = text.utf16.flatMap { [UInt8(truncatingIfNeeded: $0), UInt8($0 >> 8)] }
        let bytes: [UInt8] =
            switch kind {
            case "mark": [0xEF, 0xBB, 0xBF] + Array(text.utf8)
            case "latin1": text.unicodeScalars.map { $0 == "€" ? 0x80 : UInt8(truncatingIfNeeded: $0.value) }
            case "utf16le": [0xFF, 0xFE] + little
            case "utf16be": [0xFE, 0xFF] + text.utf16.flatMap { [UInt8($0 >> 8), UInt8(truncatingIfNeeded: $0)] }
            case "unmarked16": little
            default: Array(text.utf8)
            }
        let manifest = try manifest("t.csv", bytes)
        #expect(manifest.encoding == encoding)
        let expected = try #require(text.first { ";\t|".contains($0) }?.asciiValue)
        #expect(manifest.format == .delimited(expected))
        let item = try #require(try items(manifest).first)
        #expect(item.key == "ä")
        #expect(item.captions.first?.hasPrefix("größer €") == true)
        #expect(try items(manifest, offset: item.offset) == [item])
    }

    /// Whatever the size of blocks, records and their offsets are the same: rows longer and shorter than a block.
    @Test(arguments: [TextEncoding.utf8, .latin1, .utf16LittleEndian]) func blocksDoNotShow(_ encoding: TextEncoding)
        throws
    {
        var text = "image,caption\n"
        for index in 0..<3000 {
            text += "f\(index).jpg,\"" + String(repeating: "é\(index),", count: index % 60) + "\"\n"
        }
        let bytes: [UInt8] =
            switch encoding {
            case .latin1: text.unicodeScalars.map { UInt8(truncatingIfNeeded: $0.value) }
            case .utf16LittleEndian: text.utf16.flatMap { [UInt8(truncatingIfNeeded: $0), UInt8($0 >> 8)] }
            default: Array(text.utf8)
            }
        let manifest = try manifest("t.csv", bytes)
        #expect(manifest.encoding == encoding)
        let items = try items(manifest)
        #expect(items.map(\.key) == (0..<3000).map { "f\($0)" })
        #expect(items[59].captions == [String(repeating: "é59,", count: 59)])
        for index in [0, 777, 1500, 2999] {
            #expect(try self.items(manifest, offset: items[index].offset) == Array(items[index...]))
        }
    }

    @Test func severalImagesOfOneItem() throws {
        let text =
            "sku,front,back,brand,title,colour\nA,a1.jpg,a2.jpg,Acme,Chair,red\nB,b1.jpg,,Acme,Stool,\nC,,,X,Y,Z\n"
        let manifest = try manifest("t.csv", Array(text.utf8)) { options in
            options.imageColumns = ["front", "BACK"]
            options.captionTemplate = try CaptionTemplate("{brand} {title}, {colour}")
        }
        let items = try items(manifest)
        #expect(items.map(\.key) == ["A.1", "A.2", "B", "C"])
        #expect(items.map(\.path) == ["a1.jpg", "a2.jpg", "b1.jpg", ""])
        #expect(items.map(\.captions) == [["Acme Chair, red"], ["Acme Chair, red"], ["Acme Stool"], []])
        #expect(items[1].attributes.map(\.name) == ["item", "brand", "title", "colour"])
        #expect(items[1].attributes.first?.value == .text("A"))
        guard case .none(.imageMissing, _) = items[3].image else {
            Issue.record("\(items[3])")
            return
        }
    }

    @Test func neighbouringRowsOfOneImageAreOneSample() throws {
        let text = "image,caption,n\na.jpg,one,1\na.jpg,two,2\nb.jpg,three,3\na.jpg,four,4\n"
        let items = try items(try manifest("captions.txt", Array(text.utf8)))
        #expect(items.map(\.key) == ["a", "b", "a"])
        #expect(items.map(\.captions) == [["one", "two"], ["three"], ["four"]])
        #expect(items[0].attributes.map(\.value) == [.integer(1)])
    }

    @Test func jsonLines() throws {
        let text = #"""
            {"file_name": "x/a.jpg", "text": ["one", "two \u00e9\ud83d\ude00"], "n": 3, "ok": true, "deep": {"a": [1, {"b": "]"}]}}

            {"file_name": ["b.jpg", "c.jpg"], "similarity": 0.31, "text": "three"}
            {"file_name": "d.jpg", broken
            {"file_name": "../e.jpg"}
            """#
        let manifest = try manifest("t.jsonl", Array(text.utf8))
        #expect(manifest.format == .jsonLines)
        let items = try items(manifest, base: folder.path + "/sub")
        #expect(items.map(\.key) == ["x/a", "b.1", "b.2", "", "../e"])
        #expect(items.map(\.path) == ["sub/x/a.jpg", "sub/b.jpg", "sub/c.jpg", "", "e.jpg"])
        #expect(items[0].captions == ["one", "two é😀"])
        #expect(items[0].attributes.map(\.value) == [.integer(3), .integer(1)])
        #expect(items[1].attributes.map(\.value) == [.text("b"), .real(0.31)])
        guard case .none(.rowInvalid, let reason) = items[3].image else {
            Issue.record("\(items[3])")
            return
        }
        #expect(reason.contains("row at byte \(items[3].offset)"))
    }

    @Test(arguments: [false, true]) func cocoCaptions(isOneLine: Bool) throws {
        var text = """
            {"info": {"year": 2014, "note": "]}\\""},
             "annotations": [
              {"image_id": 2, "id": 1, "caption": "second, first"}, {"image_id": 1, "id": 2, "caption": "first"},
              {"image_id": 2, "id": 3, "caption": "second, again"}, {"image_id": "x", "id": 4, "caption": "by text"}
             ], "licenses": [],
             "images": [{"id": 1, "file_name": "1.jpg", "width": 640}, {"id": 2, "file_name": "2.jpg"},
              {"id": "x", "file_name": "3.jpg"}, 7, {"id": 9, "file_name": "http://x.org/y.jpg"}]}
            """
        if isOneLine { text = text.replacing("\n", with: "") }
        let manifest = try manifest("captions_train2014.json", Array(text.utf8))
        #expect(manifest.format == .captionAnnotations)
        let items = try items(manifest)
        #expect(items.map(\.captions) == [["first"], ["second, first", "second, again"], ["by text"], [], []])
        #expect(items.map(\.path) == ["1.jpg", "2.jpg", "3.jpg", "", ""])
        #expect(items[0].attributes.map(\.name) == ["width"])
        guard case .none(.imageIsAddress, _) = items[4].image else {
            Issue.record("\(items[4])")
            return
        }
        for cut in stride(from: 1, to: text.utf8.count - 1, by: 3) {
            let path = try folder.write("cut.json", Array(text.utf8.prefix(cut)))
            // Cut anywhere it is refused, or gives what is before the cut.
            do throws(ShardError) {
                let cut = try Manifest(file: try ReadOnlyFile(path: path), options: ManifestOptions())
                var reader = cut.reader(rootPath: folder.path, base: folder.path)
                while try reader.next() != nil {}
            } catch {
                #expect(error.code == .manifestInvalid)
            }
        }
    }

    @Test func whatCannotBeReadIsSaid() throws {
        func refusal(_ name: String, _ text: String, _ change: (inout ManifestOptions) throws -> Void = { _ in })
            -> String
        {
            do {
                _ = try manifest(name, Array(text.utf8), change: change)
                return "none"
            } catch {
                return "\(error)"
            }
        }
        #expect(refusal("a.csv", "foo,bar\n1,2\n").contains("--image-column"))
        #expect(refusal("a.csv", "foo,bar\n1,2\n").contains("'foo', 'bar'"))
        #expect(refusal("a.csv", "image,b\n") { $0.captionColumns = ["c"] }.contains("no column 'c' for captions"))
        #expect(
            refusal("a.csv", "image,b\n") { $0.captionTemplate = try CaptionTemplate("{q}") }.contains("'q'"))
        #expect(refusal("a.json", "[{\"image\": \"x\"}]").contains("jq -c"))
        #expect(refusal("a.json", "{\"annotations\": []}\n{}").contains("no list called 'images'") == false)
        for template in ["{", "x", "{}", "a}"] {
            #expect { _ = try CaptionTemplate(template) } throws: { ($0 as? ShardError)?.code == .manifestInvalid }
        }
        #expect(try CaptionTemplate("{{{a}}}").caption { _ in "v" } == "{v}")
        for delimiter in ["", "ab", "\"", "é"] {
            #expect { _ = try ManifestOptions.delimiter(delimiter) } throws: {
                ($0 as? ShardError)?.code == .manifestInvalid
            }
        }
        #expect(try ManifestOptions.delimiter("tab") == 9)
    }

    @Test func rowsThatAreBrokenAreOneItemEach() throws {
        var limits = ShardLimits()
        limits.maximumTextByteCount = 200
        let long = String(repeating: "x", count: 300)
        let path = try folder.write(
            "t.csv", Array("image,caption\na.jpg,fine\nb.jpg,\(long)\nc.jpg,fine,more\nd.jpg,\"open\n".utf8))
        let manifest = try Manifest(file: try ReadOnlyFile(path: path), options: ManifestOptions(), limits: limits)
        let items = try items(manifest)
        #expect(items.count == 4)
        #expect(items[0].path == "a.jpg")
        let reasons = items.dropFirst().map { item -> String in
            if case .none(.rowInvalid, let reason) = item.image { reason } else { "\(item)" }
        }
        #expect(reasons[0].contains("longer than 200 bytes"))
        #expect(reasons[1].contains("3 cells, the heading 2"))
        #expect(reasons[2].contains("no closing quote"))
    }

    @Test func anyBytesEndWithoutHarm() throws {
        let seeds = [
            "image,caption\na.jpg,\"x\"\"y\"\n", "{\"image\": \"a.jpg\", \"c\": [1, \"\\u12\"]}\n",
            "{\"images\": [{\"id\": 1, \"file_name\": \"a\"}], \"annotations\": [{\"image_id\": 1, \"caption\": \"\"}]}",
        ]
        for seed in seeds {
            let bytes = Array(seed.utf8)
            for place in bytes.indices {
                for value in [0, 0x22, 0x5C, 0x7B, 0x5D, 0xFF, 0x0A] as [UInt8] {
                    var changed = bytes
                    changed[place] = value
                    do throws(ShardError) {
                        let path = folder.path + "/any.json"
                        try? Data(changed).write(to: URL(fileURLWithPath: path))
                        let manifest = try Manifest(file: try ReadOnlyFile(path: path), options: ManifestOptions())
                        var reader = manifest.reader(rootPath: "/", base: "/")
                        var count = 0
                        while try reader.next() != nil { count += 1 }
                        #expect(count <= 8)
                    } catch {
                        #expect(error.code == .manifestInvalid)
                    }
                }
            }
        }
    }

    @Test func readsTheImageWithWhatIsStated() throws {
        try folder.write("p/a.jpg", TarFixture.image(1))
        try folder.write("p/b.jpg", Array("no".utf8))
        let manifest = try manifest("t.csv", Array("image,caption,split\na.jpg,cat,val\nb.jpg,\nc.jpg,\n".utf8))
        let found = try items(manifest, base: folder.path + "/p").enumerated().map {
            ManifestSamples.read($0.element, ordinal: UInt32($0.offset), rootPath: folder.path)
        }
        let sample = try #require(found[0].sample)
        #expect(sample.image.bytes == TarFixture.image(1))
        #expect(sample.statedTexts?.captions == ["cat"])
        #expect(sample.statedTexts?.split == "val")
        #expect(found.dropFirst().map { $0.rejected?.code } == [.imageMissing, .fileMissing])
        #expect(found[2].rejected?.reason.contains("p/c.jpg") == true)
    }

    /// `Schemas/manifest.md` promises the names of columns in their order.
    @Test func columnNamesAreThoseOfTheSchema() throws {
        let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent().path + "/../../Schemas/manifest.md"
        let lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n")
        for (what, names) in [
            ("image", ManifestColumns.imageNames), ("caption", ManifestColumns.captionNames),
            ("key", ManifestColumns.keyNames),
        ] {
            let row = names.map { "`\($0)`" }.joined(separator: " ")
            #expect(lines.contains("| \(what) | \(row) |"))
        }
    }
}
