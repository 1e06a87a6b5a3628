import Foundation
import Testing

@testable import Tokenization

@Test func flickr() throws {
    let path = ProcessInfo.processInfo.environment["CAPTIONS"] ?? ""
    let captions = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").map(String.init)
    let clock = ContinuousClock()
    for size in [8192, 16384] {
        var trainer = BytePairTrainer(settings: .init(vocabularySize: size))
        let t0 = clock.now
        for c in captions { trainer.add(c) }
        let t1 = clock.now
        let tokenizer = try trainer.train()
        let t2 = clock.now
        var n = 0
        for c in captions { n += tokenizer.encode(c, contextLength: 64).count }
        let t3 = clock.now
        let files = tokenizer.files()
        let t4 = clock.now
        let again = try BytePairTokenizer(json: Data(files[0].bytes), place: "x")
        let t5 = clock.now
        print(captions.count, trainer.uniquePreTokenCount, size, tokenizer.vocabularySize, "count", t1 - t0, "train", t2 - t1, "encode", t3 - t2, "files", t4-t3, "load", t5 - t4, Double(n) / Double(captions.count))
        #expect(again.files().map(\.bytes) == files.map(\.bytes))
        print(tokenizer.encode("An orange cat in the sun", contextLength: 64).map { tokenizer.tokenText($0) })
    }
}
