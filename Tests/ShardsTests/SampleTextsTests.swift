import Testing

@testable import Shards

@Suite struct SampleTextsTests {
    private func member(_ suffix: String, _ text: String) -> TextMember {
        TextMember(suffix: suffix, byteOffset: 7, bytes: Array(text.utf8))
    }

    @Test func keepsAllCaptionsOnceInOrder() throws {
        let texts = try SampleTexts([
            member("json", #"{"text":"four","captions":["two","one", 5, null, "three",""],"caption":"two"}"#),
            member("caption", "two\r\n"), member("txt", "\u{FEFF}  one \n"),
        ])
        #expect(texts.captions == ["one", "two", "three", "four"])
        #expect(texts.attributes.isEmpty)
    }

    @Test func captionsCanBeLeftOut() throws {
        let texts = try SampleTexts(
            [member("txt", "x"), member("json", #"{"caption":"y","license":"cc0"}"#)], readsCaptions: false)
        #expect(texts.captions.isEmpty)
        #expect(texts.attributes == [SampleTexts.Attribute(name: "license", value: .text("cc0"))])
    }

    @Test func scalarsBecomeAttributes() throws {
        let texts = try SampleTexts([
            member(
                "json",
                #"{"z":1,"a":-2.5,"t":true,"f":false,"s":"x","n":null,"o":{"p":1},"l":[1],"split":"test","big":1e30}"#)
        ])
        #expect(
            texts.attributes.map(\.name) == ["a", "big", "f", "s", "split", "t", "z"])
        #expect(
            texts.attributes.map(\.value)
                == [
                    .real(-2.5), .real(1e30), .integer(0), .text("x"), .text("test"), .integer(1), .integer(1),
                ])
        #expect(texts.split == "test")
    }

    @Test(arguments: ["", "{", "[1]", "\"a\"", "{\"a\":}", "nul", String(repeating: "[", count: 100_000)])
    func refusesWhatIsNoObject(_ text: String) {
        #expect {
            try SampleTexts([member("json", text)])
        } throws: {
            ($0 as? ShardError)?.code == .jsonInvalid && ($0 as? ShardError)?.byteOffset == 7
        }
    }

    @Test func deepNestingNeedsNoDeepStack() {
        let nested = "{\"a\":" + String(repeating: "[", count: 50_000) + String(repeating: "]", count: 50_000) + "}"
        #expect(throws: ShardError.self) { try SampleTexts([member("json", nested)]) }
    }

    @Test func repairsBytesThatAreNotUTF8() throws {
        let texts = try SampleTexts([
            TextMember(suffix: "txt", byteOffset: 0, bytes: [0x61, 0xFF, 0x00, 0x62]),
            TextMember(
                suffix: "json", byteOffset: 0, bytes: Array(#"{"caption":"c"#.utf8) + [0xFF] + Array(#""}"#.utf8)),
        ])
        #expect(texts.captions == ["a\u{FFFD}\u{FFFD}b", "c\u{FFFD}"])
    }
}
