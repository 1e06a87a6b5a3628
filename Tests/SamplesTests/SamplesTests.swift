import Samples
import Testing

@Suite struct DigestTests {
    @Test func knownDigests() {
        // FIPS 180-4 examples.
        #expect(
            Digest(hashing: "abc").hexadecimal == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        #expect(
            Digest(hashing: "").hexadecimal == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
    }

    @Test func hexadecimalRoundTrip() throws {
        let digest = Digest(hashing: "round trip")
        #expect(Digest(hexadecimal: digest.hexadecimal) == digest)
        #expect(Digest(hexadecimal: digest.hexadecimal.uppercased()) == digest)
        #expect(Digest(hexadecimal: String(digest.hexadecimal.dropLast())) == nil)
        #expect(Digest(hexadecimal: String(repeating: "g", count: 64)) == nil)
        #expect(Digest(bytes: [1, 2, 3]) == nil)
    }
}

@Suite struct IdentityTests {
    @Test func idsDependOnEveryPart() {
        let base = SampleIdentity(dataset: "d", shard: "s", ordinal: 1)
        let identities = [
            VectorIdentity(sample: base, view: .image),
            VectorIdentity(sample: base, view: .caption(0)),
            VectorIdentity(sample: base, view: .caption(1)),
            VectorIdentity(sample: base, view: .tile(level: 1, number: 0)),
            VectorIdentity(sample: SampleIdentity(dataset: "d", shard: "s", ordinal: 2), view: .image),
            VectorIdentity(sample: SampleIdentity(dataset: "ds", shard: "", ordinal: 1), view: .image),
            VectorIdentity(sample: SampleIdentity(dataset: "", shard: "ds", ordinal: 1), view: .image),
        ]
        #expect(Set(identities.map(\.id)).count == identities.count)
    }

    @Test func idIsPinned() {
        // A change here would orphan every index that exists.
        let identity = VectorIdentity(
            sample: SampleIdentity(dataset: "scenes", shard: "00000.tar", ordinal: 7), view: .image)
        #expect(identity.id == 0x07e2_8ddb_82f6_0bea)
    }

    @Test(arguments: [
        SampleView.image, .caption(0), .caption(65535), .tile(level: 1, number: 0), .tile(level: 255, number: 65535),
    ])
    func viewCodesRoundTrip(view: SampleView) {
        #expect(SampleView(code: view.code) == view)
    }

    @Test(arguments: [3, 0x100, 0x10000, 0x101, 2, 0xFFFF_FFFF] as [UInt32])
    func unknownViewCodesAreRefused(code: UInt32) {
        #expect(SampleView(code: code) == nil)
    }
}

@Suite struct ByteRangeTests {
    @Test func untrustedRanges() {
        #expect(ByteRange(checkedOffset: -1, byteCount: 2) == nil)
        #expect(ByteRange(checkedOffset: 1, byteCount: -2) == nil)
        #expect(ByteRange(checkedOffset: .max, byteCount: 1) == nil)
        #expect(ByteRange(checkedOffset: 512, byteCount: 10)?.end == 522)
    }
}

@Suite struct SeededGeneratorTests {
    @Test func referenceStream() {
        // First outputs of SplitMix64 with seed 1234567 as published with the reference implementation.
        var generator = SeededGenerator(seed: 1_234_567)
        #expect(generator.next() == 6_457_827_717_110_365_317)
        #expect(generator.next() == 3_203_168_211_198_807_973)
        #expect(generator.next() == 9_817_491_932_198_370_423)
    }

    @Test func purposesAndKeysGiveDifferentStreams() {
        var seen: Set<UInt64> = []
        for epoch in 0..<10 {
            for number in 0..<10 as Range<UInt64> {
                var crop = SeededGenerator(seed: 1, epoch: epoch, number: number, purpose: "crop")
                var flip = SeededGenerator(seed: 1, epoch: epoch, number: number, purpose: "flip")
                var keyed = SeededGenerator(seed: 1, epoch: epoch, key: "\(number)", purpose: "flip")
                seen.formUnion([crop.next(), flip.next(), keyed.next()])
            }
        }
        #expect(seen.count == 300)
    }

    @Test func uniformStaysInRange() {
        var generator = SeededGenerator(seed: 5)
        var sum = 0.0
        for _ in 0..<10_000 {
            let value = generator.uniform(in: -2.0...4.0)
            #expect(value >= -2 && value <= 4)
            sum += value
        }
        #expect(abs(sum / 10_000 - 1) < 0.1)
        for bound in [1, 2, 3, 7, 1000] {
            for _ in 0..<100 { #expect((0..<bound).contains(generator.integer(below: bound))) }
        }
    }

    @Test(arguments: [0, 1, 2, 17])
    func shuffleIsAPermutation(count: Int) {
        var generator = SeededGenerator(seed: 9)
        var elements = Array(0..<count)
        generator.shuffle(&elements)
        #expect(elements.sorted() == Array(0..<count))
        if count == 17 { #expect(elements != Array(0..<count)) }
    }
}

@Suite struct SplitTests {
    @Test func fivePercentAreHeldOut() {
        let heldOut = (0..<20_000).count { Split.byHash(ofKey: "key\($0)") == .heldOut }
        #expect((800...1200).contains(heldOut))
        #expect(Split.byHash(ofKey: "a") == Split.byHash(ofKey: "a"))
    }
}
