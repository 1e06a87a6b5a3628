import Foundation
import Testing

/// `vlmpipe encode`: order, formats, input from standard input, and items that cannot be read.
@Suite(.serialized) struct EncodeTests {
    private static let model = ["--model", "./\(CheckpointFixture.name)", "--quiet"]
    private static let dimension = 16

    private func objects(_ lines: String) throws -> [[String: Any]] {
        try lines.split(separator: "\n").map { line in
            try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
        }
    }

    @Test func textsKeepTheirOrderInEveryForm() throws {
        let fixture = try CheckpointFixture()
        let tool = fixture.tool
        let texts = (0..<300).map { "a photo of \($0) cats" } + ["", "a \"quoted\" cat"]
        let lines = try objects(
            tool.succeed(["encode", "--texts", "-"] + Self.model, input: texts.map { $0 + "\n" }.joined()).output)
        #expect(lines.map { $0["text"] as? String } == texts)
        let path = fixture.folder.file("texts.npy")
        let some = Array(texts[250..<300])
        let array = try tool.succeed(["encode", "--texts"] + some + ["--output", path] + Self.model)
        #expect(array.output.isEmpty)
        let floats = try NumpyArray(path).floats()
        #expect(floats.count == some.count * Self.dimension)
        for (row, line) in lines[250..<300].enumerated() {
            let vector = try #require(line["embedding"] as? [Double])
            // Equal to the last bit: the same slices, and text that gives the float back.
            #expect(vector.map(Float.init) == Array(floats[row * Self.dimension..<(row + 1) * Self.dimension]))
            #expect(abs(vector.reduce(0) { $0 + $1 * $1 } - 1) < 1e-5)
        }
        #expect(try fixture.folder.names().allSatisfy { !$0.hasSuffix(".rows") && !$0.hasSuffix(".tmp") })
    }

    @Test func imagesGiveTheSameOnAnyNumberOfThreads() throws {
        let fixture = try CheckpointFixture()
        let tool = fixture.tool
        let pictures = try fixture.pictures(16)
        let (one, four) = (fixture.folder.file("one.npy"), fixture.folder.file("four.npy"))
        try tool.succeed(["encode", "--images"] + pictures + ["--output", one, "--threads", "1"] + Self.model)
        try tool.succeed(
            ["encode", "--images", "-", "--output", four, "--threads", "4"] + Self.model,
            input: pictures.joined(separator: "\n"))
        #expect(try NumpyArray(one).header.contains("(16, \(Self.dimension))"))
        #expect(try NumpyArray(one).data == NumpyArray(four).data)
    }

    @Test func tokensAndPixelsAreWhatTheTowersGet() throws {
        let fixture = try CheckpointFixture()
        let tool = fixture.tool
        let lines = try objects(
            tool.succeed(
                ["encode", "--tokens", "--texts", "a photo of a cat", String(repeating: "cat ", count: 99)]
                    + Self.model
            ).output)
        #expect(lines[0]["tokens"] as? [Int] == [2012, 320, 1125, 539, 320, 66, 536, 2013])
        #expect(lines[0]["droppedCharacters"] == nil)
        #expect((lines[1]["tokens"] as? [Int])?.count == 24 && lines[1]["droppedCharacters"] != nil)
        let path = fixture.folder.file("pixels.npy")
        let pictures = try fixture.pictures(2)
        try tool.succeed(["encode", "--pixels", "--images"] + pictures + ["--output", path] + Self.model)
        let array = try NumpyArray(path)
        #expect(array.header.contains("|u1") && array.header.contains("(2, 16, 16, 3)"))
        #expect(array.data.count == 2 * 16 * 16 * 3)
    }

    @Test func featuresHaveTheTowersWidth() throws {
        let fixture = try CheckpointFixture()
        let tool = fixture.tool
        let pictures = try fixture.pictures(2)
        for (features, shape) in [("pooled", "(2, 16)"), ("tokens", "(2, 5, 16)"), ("spatial", "(2, 2, 2, 16)")] {
            let path = fixture.folder.file("\(features).npy")
            try tool.succeed(
                ["encode", "--images"] + pictures + ["--features", features, "--output", path] + Self.model)
            let array = try NumpyArray(path)
            #expect(array.header.contains(shape))
            #expect(try array.floats().allSatisfy(\.isFinite))
        }
        let path = fixture.folder.file("text.npy")
        try tool.succeed(["encode", "--texts", "a cat", "--features", "tokens", "--output", path] + Self.model)
        let floats = try NumpyArray(path).floats()
        // start, a, cat as two pieces, end; what a causal tower does not compute is marked.
        let rowCount = floats.count / 8
        #expect(rowCount == 24 && floats.count { $0.isNaN } == (rowCount - 5) * 8)
        let isFinite = floats[..<40].allSatisfy { $0.isFinite }
        #expect(isFinite)
        #expect(
            try tool.run(["encode", "--texts", "a cat", "--features", "spatial"] + Self.model).exitStatus == 64)
    }

    @Test func aBadItemEndsTheRunOrIsMarked() throws {
        let fixture = try CheckpointFixture()
        let tool = fixture.tool
        let pictures = try fixture.pictures(2)
        _ = try fixture.folder.write(Array("no picture".utf8), to: "broken.jpg")
        let path = fixture.folder.file("images.npy")
        let missing = try tool.run(["encode", "--images", pictures[0], "absent.jpg", "--output", path] + Self.model)
        #expect(missing.exitStatus == 66 && missing.errors.contains("absent.jpg"))
        let broken = try tool.run(["encode", "--images", "broken.jpg", pictures[0], "--output", path] + Self.model)
        #expect(broken.exitStatus == 65 && broken.errors.contains("broken.jpg"))
        #expect(!FileManager.default.fileExists(atPath: path))
        #expect(try fixture.folder.names().allSatisfy { !$0.hasSuffix(".rows") })

        let list = ["absent.jpg", pictures[0], "broken.jpg", pictures[1]]
        let skipped = try tool.run(["encode", "--skip-bad", "--images"] + list + ["--output", path] + Self.model)
        #expect(skipped.exitStatus == 0)
        #expect(skipped.errors.contains("absent.jpg") && skipped.errors.contains("broken.jpg"))
        let floats = try NumpyArray(path).floats()
        let isMarked = (0..<4).map { row in
            floats[row * Self.dimension..<(row + 1) * Self.dimension].allSatisfy(\.isNaN)
        }
        #expect(isMarked == [true, false, true, false])
        let lines = try objects(tool.run(["encode", "--skip-bad", "--images"] + list + Self.model).output)
        #expect(lines.map { $0["error"] != nil } == isMarked)
        let none = try tool.run(["encode", "--skip-bad", "--images", "broken.jpg"] + Self.model)
        #expect(none.exitStatus == 65)
    }

    @Test func whatDoesNotFitTogetherIsWrongUse() throws {
        let fixture = try CheckpointFixture()
        for arguments in [
            [], ["--images", "a.jpg", "--texts", "b"], ["--texts", "a", "--pixels", "--output", "x.npy"],
            ["--images", "a.jpg", "--tokens"], ["--images", "a.jpg", "--pixels"],
            ["--texts", "a", "--tokens", "--features", "pooled"],
        ] {
            #expect(try fixture.tool.run(["encode"] + arguments + Self.model).exitStatus == 64)
        }
        let absent = try fixture.tool.run(["encode", "--texts", "a", "--model", "./absent"])
        #expect(absent.exitStatus == 66 && absent.errors.contains("absent"))
    }
}
