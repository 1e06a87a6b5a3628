import Testing

@testable import Tokenization

@Suite("Training a vocabulary")
struct BytePairTrainerTests {
    private func train(_ captions: [String], _ settings: BytePairTrainer.Settings) throws -> BytePairTokenizer {
        var trainer = BytePairTrainer(settings: settings)
        for caption in captions { trainer.add(caption) }
        return try trainer.train()
    }

    private func merges(_ tokenizer: BytePairTokenizer) -> [String] {
        tokenizer.vocabulary.table.merges.map { "\(tokenizer.tokenText($0.left)) \(tokenizer.tokenText($0.right))" }
    }

    @Test("by hand: counts first, then the smaller ids")
    func byHand() throws {
        // "aab" × 3 and "ab" × 2: (a, b</w>) occurs 5 times, (a, a) 3 times, then (a, ab</w>) 3 times.
        let tokenizer = try train(["aab aab aab", "ab ab"], .init(vocabularySize: 600))
        #expect(merges(tokenizer) == ["a b</w>", "a ab</w>"])
        // Equal counts: "cd" and "ab" twice each; a has the smaller id.
        #expect(merges(try train(["cd ab", "ab cd"], .init(vocabularySize: 600))) == ["a b</w>", "c d</w>"])
        // Equal left ids: the smaller right id; overlapping pairs count once per place.
        #expect(merges(try train(["ac ab ac ab"], .init(vocabularySize: 600))) == ["a b</w>", "a c</w>"])
        #expect(merges(try train(["aaaa aaaa"], .init(vocabularySize: 600))) == ["a a", "a a</w>", "aa aa</w>"])
    }

    @Test("the settings bound the result")
    func bounds() throws {
        let captions = ["internationalisation internationalisation", "ab ab ab cd"]
        let small = try train(captions, .init(vocabularySize: 516))
        #expect(small.vocabularySize == 516)
        #expect(merges(small).count == 1)
        let rare = try train(captions, .init(vocabularySize: 1000, minimumPairCount: 3))
        #expect(rare.encode("cd", contextLength: 8).count == 4)
        #expect(rare.encode("ab", contextLength: 8).count == 3)
        let short = try train(captions, .init(vocabularySize: 1000, maximumTokenByteCount: 5))
        #expect(short.vocabulary.tokens.allSatisfy { $0.bytes.count <= 5 })
        #expect(short.encode("internationalisation", contextLength: 32).count >= 2 + 4)
    }

    @Test("nothing, one letter, only spaces", arguments: [[], ["a"], ["  "], [""]])
    func empty(captions: [String]) throws {
        let tokenizer = try train(captions, .init())
        #expect(tokenizer.vocabularySize == 515)
        #expect(tokenizer.encode("hi", contextLength: 8).count == 4)
        #expect(tokenizer.decode(tokenizer.encode("Hi 猫", contextLength: 16)) == "hi 猫")
    }

    @Test("settings out of range are all named")
    func settings() {
        let settings = BytePairTrainer.Settings(
            vocabularySize: 514, minimumPairCount: 0, minimumHanCount: 0, maximumTokenByteCount: 1)
        do throws(TokenizationError) {
            _ = try BytePairTrainer(settings: settings).train()
            Issue.record("training should have thrown")
        } catch {
            #expect(error.code == .invalidSettings)
            for name in ["vocabularySize", "minimumPairCount", "minimumHanCount", "maximumTokenByteCount"] {
                #expect(error.message.contains(name))
            }
        }
    }

    @Test("the order of captions and how they are spread do not matter", arguments: 0..<5)
    func order(seed: UInt64) throws {
        let captions = try Golden.load().captions
        let settings = BytePairTrainer.Settings(vocabularySize: 800)
        let expected = try train(captions, settings).files().map(\.bytes)
        var generator = SeededGenerator(state: seed)
        let shuffled = captions.shuffled(using: &generator)
        #expect(try train(shuffled, settings).files().map(\.bytes) == expected)
        var (first, second) = (BytePairTrainer(settings: settings), BytePairTrainer(settings: settings))
        for (index, caption) in shuffled.enumerated() {
            if index % 3 == 0 { first.add(caption) } else { second.add(caption) }
        }
        first.merge(second)
        #expect(first.captionCount == captions.count)
        #expect(try first.train().files().map(\.bytes) == expected)
    }

    @Test("every common Han character is one token, the commonest first when there is not room for all")
    func han() throws {
        let common = "橙色的猫在阳光下𠮷"
        let captions = [common, common, "狗"]
        let tokenizer = try train(captions, .init(vocabularySize: 700))
        for character in common {
            #expect(tokenizer.encode(String(character), contextLength: 8).count == 3, "\(character)")
        }
        #expect(tokenizer.encode("狗", contextLength: 8).count > 3)
        // 515 + 8: room for four new ids, two characters (E7 8C AB and E7 8C AB have four ids between them).
        let tight = try train(["猫猫猫猫鱼鱼鱼蛇蛇 word word word word word word"], .init(vocabularySize: 523))
        #expect(tight.encode("猫", contextLength: 8).count == 3)
        #expect(tight.encode("鱼", contextLength: 8).count == 3)
        #expect(tight.encode("word", contextLength: 8).count == 3)
    }

    @Test("incremental counts choose what recounting chooses", arguments: 0..<20)
    func twin(seed: UInt64) throws {
        var generator = SeededGenerator(state: seed &+ 100)
        let captions = (0..<30).map { _ in
            (0..<6).map { _ in
                let length = 1 + Int(generator.next() % 9)
                return String((0..<length).map { _ in "abc".randomElement(using: &generator) ?? "a" })
            }.joined(separator: " ")
        }
        let tokenizer = try train(captions, .init(vocabularySize: 515 + 40, maximumTokenByteCount: 6))
        #expect(merges(tokenizer) == naiveMerges(captions, count: 40, longest: 6), "seed \(seed)")
    }

    /// Recounts all pairs before each merge.
    private func naiveMerges(_ captions: [String], count: Int, longest: Int) -> [String] {
        var words = captions.flatMap { $0.split(separator: " ") }.map { word in
            word.enumerated().map { String($1) + ($0 == word.count - 1 ? "</w>" : "") }
        }
        var ids: [String: Int] = [:]
        for (index, letter) in "abc".enumerated() {
            ids[String(letter)] = index
            ids[String(letter) + "</w>"] = 10 + index
        }
        func bytes(_ symbol: String) -> Int { symbol.count - (symbol.hasSuffix("</w>") ? 4 : 0) }
        var merges: [String] = []
        var made = 0
        while made < count {
            var counts: [[String]: Int] = [:]
            for word in words {
                for (left, right) in zip(word, word.dropFirst()) where bytes(left) + bytes(right) <= longest {
                    counts[[left, right], default: 0] += 1
                }
            }
            let best = counts.filter { $0.value >= 2 }.min { one, other in
                let (a, b) = (one.key.map { ids[$0] ?? 0 }, other.key.map { ids[$0] ?? 0 })
                return (-one.value, a[0], a[1]) < (-other.value, b[0], b[1])
            }
            guard let pair = best?.key else { break }
            let name = "\(pair[0]) \(pair[1])"
            if !merges.contains(name) { merges.append(name) }
            if ids[pair[0] + pair[1]] == nil {
                ids[pair[0] + pair[1]] = 100 + made
                made += 1
            }
            words = words.map { word in
                var joined: [String] = []
                var index = 0
                while index < word.count {
                    if index + 1 < word.count && word[index] == pair[0] && word[index + 1] == pair[1] {
                        joined.append(pair[0] + pair[1])
                        index += 2
                    } else {
                        joined.append(word[index])
                        index += 1
                    }
                }
                return joined
            }
        }
        return merges
    }
}
