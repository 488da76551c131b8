//! Pickles with code, pickles that claim what is not there, and pickles made to exhaust memory or the stack.

use std::collections::HashSet;

use crate::{
    Turn,
    bytes::{GOOD, Tensor, archived, beside, dict, global, int, ints, legacy, text},
};

/// The name, a part of the error, and the pickle.
type Case = (&'static str, &'static str, Vec<u8>);

/// Pickles that call for code. In Python most of them run it and create the file at `path`; the others end in an error
/// there, or are kept for the opcode.
fn with_code(path: &str) -> Vec<Case> {
    let command = format!("touch {path}");
    let argument = [&b"("[..], &text(&command), b"t"].concat();
    let opened = [&b"("[..], &text(path), &text("w"), b"t"].concat();
    let script = [&b"("[..], &text(&format!("open('{path}', 'w')")), b"t"].concat();
    let call = |module, name, arguments: &[u8]| beside(&[&global(module, name)[..], arguments, b"R"].concat());
    let short = |text: &str| [&[0x8c, u8::try_from(text.len()).unwrap()], text.as_bytes()].concat();
    vec![
        ("os-system", "asks for os.system at byte", call("os", "system", &argument)),
        ("posix-system", "asks for posix.system", call("posix", "system", &argument)),
        ("nt-system", "asks for nt.system", call("nt", "system", &argument)),
        ("os-popen", "asks for os.popen", call("os", "popen", &argument)),
        ("builtins-eval", "asks for builtins.eval", call("builtins", "eval", &script)),
        ("builtins-exec", "asks for builtins.exec", call("builtins", "exec", &script)),
        ("python2-exec", "asks for __builtin__.exec", call("__builtin__", "exec", &script)),
        ("builtins-open", "asks for builtins.open", call("builtins", "open", &opened)),
        ("io-open", "asks for io.open", call("io", "open", &opened)),
        ("pathlib", "asks for pathlib.Path.touch", call("pathlib", "Path.touch", &argument)),
        ("subprocess", "asks for subprocess.Popen", call("subprocess", "Popen", &argument)),
        ("runpy", "asks for runpy.run_path", call("runpy", "run_path", &argument)),
        ("torch-load", "asks for torch.load", call("torch", "load", &argument)),
        ("codecs", "asks for _codecs.encode", call("_codecs", "encode", &argument)),
        ("numpy", "asks for numpy.core.multiarray._reconstruct", call("numpy.core.multiarray", "_reconstruct", b")")),
        ("module", "asks for torch.nn.modules.linear.Linear", call("torch.nn.modules.linear", "Linear", b")")),
        ("from-type", "asks for torch._tensor._rebuild_from_type_v2", {
            let inner = [&global("os", "system")[..], b"N", &argument, b"}t"].concat();
            beside(&[&global("torch._tensor", "_rebuild_from_type_v2")[..], b"(", &inner, b"R"].concat())
        }),
        ("as-key", "asks for os.system", {
            dict(&[([&global("os", "system")[..], &argument, b"R"].concat(), GOOD.pickled())])
        }),
        ("as-storage", "asks for os.system", {
            let id = [&text("storage")[..], &global("os", "system"), &argument, b"R", &text("0")].concat();
            beside(&[&b"("[..], &id, &text("cpu"), &int(6), b"tQ"].concat())
        }),
        ("in-shape", "asks for os.system", {
            let rebuild = global("torch._utils", "_rebuild_tensor_v2");
            beside(&[&rebuild[..], b"(", &global("os", "system"), &argument, b"RtR"].concat())
        }),
        ("after-the-root", "asks for os.system", {
            let call = [&global("os", "system")[..], &argument, b"R0."].concat();
            [&GOOD.state_dict()[..GOOD.state_dict().len() - 1], &call].concat()
        }),
        ("stack-global", "opcode 0x8c", {
            beside(&[&short("os")[..], &short("system"), b"\x93", &argument, b"R"].concat())
        }),
        ("stack-global-of-old-text", "opcode 0x93", {
            beside(&[&text("os")[..], &text("system"), b"\x93", &argument, b"R"].concat())
        }),
        ("inst", "opcode 0x69", beside(&[&b"("[..], &text(&command), b"ios\nsystem\n"].concat())),
        ("obj", "asks for os.system", beside(&[&b"("[..], &global("os", "system"), &text(&command), b"o"].concat())),
        ("obj-of-allowed", "opcode 0x6f", beside(&[&b"("[..], &global("collections", "OrderedDict"), b"o"].concat())),
        ("newobj", "asks for os.system", beside(&[&global("os", "system")[..], &argument, b"\x81"].concat())),
        ("newobj-of-allowed", "opcode 0x81", beside(&[&global("torch", "Size")[..], b")\x81"].concat())),
        ("newobj-ex", "opcode 0x92", beside(&[&global("torch", "Size")[..], b")}\x92"].concat())),
        ("build", "asks for os.system", {
            let state =
                [&b"}"[..], &text("__setstate__"), &global("os", "system"), b"sb", &text(&command), b"b"].concat();
            beside(&[&global("collections", "OrderedDict")[..], b")R", &state].concat())
        }),
        ("build-on-a-class", "attributes of what is no dictionary", {
            beside(&[&global("torch", "Size")[..], b"}", &text("__reduce__"), b"Nsb"].concat())
        }),
        ("extension", "opcode 0x82", beside(b"\x82\x01")),
        ("text-id", "opcode 0x50", beside(b"Pos.system\n")),
        ("out-of-band", "opcode 0x97", beside(b"\x97")),
        ("protocol-0", "opcode 0x56", beside(b"Vos\n")),
    ]
}

/// A good tensor but for one lie.
fn lies() -> Vec<Case> {
    let tensor = |change: &dyn Fn(&mut Tensor<'_>)| {
        let mut tensor = GOOD;
        change(&mut tensor);
        tensor.state_dict()
    };
    let past = "weight of shape";
    let storage = "storage 0 does not hold the";
    let wrong = "describe no tensor";
    vec![
        ("count", storage, tensor(&|tensor| tensor.count = 7)),
        ("count-small", storage, tensor(&|tensor| (tensor.count, tensor.shape) = (5, &[2]))),
        ("count-negative", "negative count", tensor(&|tensor| tensor.count = -6)),
        ("count-huge", storage, tensor(&|tensor| tensor.count = i64::MAX)),
        ("count-overflow", storage, tensor(&|tensor| tensor.count = (1 << 62) + 6)),
        ("class-double", storage, tensor(&|tensor| tensor.class = "DoubleStorage")),
        ("class-half", storage, tensor(&|tensor| tensor.class = "HalfStorage")),
        ("class-unknown", "asks for torch.QInt8Storage", tensor(&|tensor| tensor.class = "QInt8Storage")),
        ("class-untyped", "asks for torch.UntypedStorage", tensor(&|tensor| tensor.class = "UntypedStorage")),
        ("class-function", "a storage without a class", tensor(&|tensor| tensor.class = "float32")),
        ("offset", past, tensor(&|tensor| tensor.offset = 1)),
        ("offset-huge", past, tensor(&|tensor| tensor.offset = i64::MAX)),
        ("offset-negative", "negative offset", tensor(&|tensor| tensor.offset = -1)),
        ("shape", past, tensor(&|tensor| tensor.shape = &[3, 3])),
        ("shape-huge", past, tensor(&|tensor| tensor.shape = &[1 << 40, 3])),
        ("shape-overflow", past, tensor(&|tensor| (tensor.shape, tensor.strides) = (&[1 << 32, 1 << 32], &[0, 0]))),
        ("shape-negative", "negative size", tensor(&|tensor| tensor.shape = &[-2, 3])),
        ("shape-longer", "has 3 sizes but 2 strides", tensor(&|tensor| tensor.shape = &[2, 3, 1])),
        ("dimensions", "more than 8 dimensions", tensor(&|tensor| tensor.shape = &[1; 9])),
        ("strides", past, tensor(&|tensor| tensor.strides = &[4, 1])),
        ("strides-overflow", past, tensor(&|tensor| tensor.strides = &[i64::MAX, i64::MAX])),
        ("strides-negative", "negative size or stride", tensor(&|tensor| tensor.strides = &[-3, 1])),
        ("arguments", wrong, beside(&[&global("torch._utils", "_rebuild_tensor_v2")[..], b")R"].concat())),
        ("parameter", wrong, beside(&[&global("torch._utils", "_rebuild_parameter")[..], b"(NtR"].concat())),
        (
            "dictionary",
            "what are no pairs",
            beside(&[&global("collections", "OrderedDict")[..], b"(](Net", b"R"].concat()),
        ),
        ("called-number", "a call of what is no function", beside(b"K\x01)R")),
        ("id", "not the id of a storage", beside(&[&ints(&[1, 2])[..], b"Q"].concat())),
        ("id-no-tuple", "a storage's id is no tuple", beside(b"NQ")),
        ("id-of-a-view", "before PyTorch 0.4", {
            let id = [text("storage"), global("torch", "FloatStorage"), text("0"), text("cpu"), int(6), ints(&[0, 6])];
            beside(&[&b"("[..], &id.concat(), b"tQ"].concat())
        }),
        ("twice", "weight occurs twice", {
            dict(&[(text("weight"), GOOD.pickled()), (text("weight"), GOOD.pickled())])
        }),
        ("name", "longer than 512 bytes", dict(&[(text(&"n".repeat(513)), GOOD.pickled())])),
        ("no-name", "a tensor's name is empty", dict(&[(text(""), GOOD.pickled())])),
    ]
}

const ENDS: &str = "its pickle ends within the opcode";

/// Opcodes that fit nothing, and those that a state dict is not made of.
fn broken() -> Vec<Case> {
    let none = "holds no tensors by name";
    let stack = "a value is missing on the stack";
    vec![
        ("empty", ENDS, Vec::new()),
        ("no-stop", ENDS, b"\x80\x02}".to_vec()),
        ("only-stop", stack, b".".to_vec()),
        ("mark-at-stop", stack, b"\x80\x02K\x01(.".to_vec()),
        ("opcode", "opcode 0xff", b"\x80\x02\xff.".to_vec()),
        ("protocol", "protocol is not 2", b"\x80\x04}.".to_vec()),
        ("list", none, b"\x80\x02].".to_vec()),
        ("number", none, b"\x80\x02K\x01.".to_vec()),
        ("nothing", none, b"\x80\x02N.".to_vec()),
        ("no-tensors", none, dict(&[(text("epoch"), int(3))])),
        ("numbered-tensors", none, dict(&[(int(0), GOOD.pickled())])),
        ("tensor", none, [&b"\x80\x02"[..], &GOOD.pickled(), b"."].concat()),
        ("nested-too-deep", none, {
            let inner = [&b"}("[..], &text("weight"), &GOOD.pickled(), b"u"].concat();
            let nest = |inner: &[u8]| [&b"}("[..], &text("model"), inner, b"u"].concat();
            [&b"\x80\x02"[..], &nest(&nest(&nest(&inner))), b"."].concat()
        }),
        ("never-stored", "was never stored", beside(b"h\x09")),
        ("no-mark", "there is no mark", b"\x80\x02}u.".to_vec()),
        ("odd-items", "items for what is no list or dictionary", b"\x80\x02}(Nu.".to_vec()),
        ("items-for-a-number", "items for what is no list", b"\x80\x02K\x01(NNu.".to_vec()),
        ("tuple-of-nothing", stack, b"\x80\x02\x87.".to_vec()),
        ("tuple-across-a-mark", stack, b"\x80\x02N(N\x86.".to_vec()),
        ("text-length", ENDS, beside(b"X\xff\xff\xff\xff")),
        ("text-not-utf8", "not UTF-8", beside(b"X\x02\0\0\0\xff\xfe")),
        ("long-length", ENDS, [&b"\x80\x02\x8a\xff"[..], &[1; 10]].concat()),
        ("endless-name", ENDS, [&b"\x80\x02c"[..], &vec![b'a'; 100_000]].concat()),
        ("name-with-escapes", "asks for \\u{1b}[2J\\u{202e}.x", beside(&global("\x1b[2J\u{202e}", "x"))),
    ]
}

/// Pickles made to use far more memory or stack than their bytes.
fn exhausting() -> Vec<Case> {
    let none = "holds no tensors by name";
    let long = "more than 262144 operations";
    let most = (1 << 18) - 8;
    let rebuilt = |count: usize| {
        let [function, storage] = [global("torch._utils", "_rebuild_tensor_v2"), text("0")];
        let id =
            [&b"("[..], &text("storage"), &global("torch", "FloatStorage"), &storage, &text("cpu"), &int(6), b"tQ"];
        let eight = ints(&[1; 8]);
        let arguments = [&b"("[..], &id.concat(), &int(0), &eight, &eight, b"t"].concat();
        [&b"\x80\x02"[..], &function, b"q\0", &arguments, b"q\x01", &b"h\0h\x01R".repeat(count), b"."].concat()
    };
    let copied = {
        let pair = b"](NNe";
        let items = [&b"]("[..], &pair.repeat(1000), b"e\x85q\0"].concat();
        let copy = [&global("collections", "OrderedDict")[..], b"h\0R"].concat();
        [&b"\x80\x02"[..], &items, &copy.repeat(10_000), b"."].concat()
    };
    let bomb = [&b"\x80\x02\x89q\0"[..], &b"h\0h\0\x86q\0".repeat(40), b"."].concat();
    let class_bomb = [&b"\x80\x02"[..], &text(&"x".repeat(1 << 20)), b"q\0", &b"h\0".repeat(200_000), b"."].concat();
    let memo = (0..most / 2).flat_map(|index: u32| [&b"]r"[..], &index.to_le_bytes()].concat()).collect::<Vec<_>>();
    vec![
        ("million-lists", long, [&b"\x80\x02"[..], &vec![b']'; 1_000_000], &vec![b'a'; 999_999], b"."].concat()),
        ("million-tuples", long, [&b"\x80\x02)"[..], &vec![0x85; 1_000_000], b"."].concat()),
        ("million-dicts", long, [&b"\x80\x02"[..], &b"}K\x01".repeat(1_000_000), &vec![b's'; 999_999], b"."].concat()),
        ("deep-lists", none, [&b"\x80\x02"[..], &vec![b']'; 130_000], &vec![b'a'; 129_999], b"."].concat()),
        ("deep-tuples", none, [&b"\x80\x02)"[..], &vec![0x85; most as usize], b"."].concat()),
        ("wide-lists", none, [&b"\x80\x02"[..], &vec![b']'; most as usize], b"."].concat()),
        ("wide-memo", none, [&b"\x80\x02"[..], &memo, b"."].concat()),
        ("itself", none, b"\x80\x02]q\0h\0ah\0a.".to_vec()),
        ("memo-bomb", none, bomb),
        ("long-text-often", none, class_bomb),
        ("tensors-often", none, rebuilt(87_000)),
        ("copied-dictionaries", long, copied),
        ("marks", long, [&b"\x80\x02"[..], &vec![b'('; 5_000_000], b"."].concat()),
    ]
}

#[test]
fn none_of_a_hundred_bad_pickles_is_read_or_run() {
    let turn = Turn::take();
    let folder = tempfile::tempdir().unwrap();
    let witness = folder.path().join("witness");
    let cases = [with_code(witness.to_str().unwrap()), lies(), broken(), exhausting()].concat();
    let names: HashSet<&str> = cases.iter().map(|(name, ..)| *name).collect();
    assert!(names.len() == cases.len() && cases.len() >= 100, "{}", cases.len());
    for (name, part, pickle) in &cases {
        for (container, file) in [("zip", archived(pickle)), ("legacy", legacy(pickle))] {
            let error = turn.refused(&format!("{name}-{container}.pth"), &file);
            // The older container has no index: a pickle that is cut off goes on with the next one's bytes, and storages
            // that do not follow from the pickle are told before anything else.
            let storages = ["bytes follow the last storage", "its list of storages does not agree"];
            let other = *part == ENDS || storages.iter().any(|told| error.contains(told));
            let older = container == "legacy" && other;
            assert!(error.contains(part) || older, "{name}: {error}");
        }
    }
    assert!(!witness.exists());
}

#[test]
fn the_pickles_are_bad_by_nothing_else() {
    let turn = Turn::take();
    for file in [archived(&GOOD.state_dict()), legacy(&GOOD.state_dict()), archived(&beside(b"N"))] {
        let weights = turn.read("good.pth", &file).unwrap();
        assert_eq!(weights.tensor("weight", &[2, 3]).unwrap(), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    }
}

#[test]
fn what_is_deep_beside_the_weights_costs_nothing() {
    let turn = Turn::take();
    let deep = [b"]".repeat(100_000), b"a".repeat(99_999)].concat();
    let weights = turn.read("deep.pth", &archived(&beside(&deep))).unwrap();
    assert_eq!(weights.tensor("weight", &[2, 3]).unwrap(), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
}
